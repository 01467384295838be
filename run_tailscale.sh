#!/usr/bin/env bash
# Gives the gateway a public HTTPS address through Tailscale Funnel.
set -euo pipefail

project="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
  cat <<'END'
Usage: ./run_tailscale.sh          give the gateway a public address, and print it
       ./run_tailscale.sh --off    take the public address away
       ./run_tailscale.sh --help   show this text

The gateway has to run on this machine. Its port is PORT from the environment or from
.env, 10000 if not set. Funnel keeps running in the background, and after a restart.
END
}

# Prints an error and its remedy, and exits.
fail() {
  printf 'Error: %s\n' "$1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}

# Prints a setting: from the environment, otherwise from .env, where the last line with its name counts.
# An empty value counts as absent.
setting() {
  local name="$1" value="${!1:-}" line
  local file="$project/.env"
  if [ -z "$value" ] && [ -f "$file" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      # Notepad writes a byte order mark.
      line="${line#$'\xef\xbb\xbf'}"
      [[ "$line" =~ ^[[:space:]]*(export[[:space:]]+)?"$name"([[:space:]]*=|:[[:space:]])[[:space:]]*(.*)$ ]] || continue
      value="${BASH_REMATCH[3]}"
      case "$value" in
        \"*) value="${value#\"}" value="${value%%\"*}" ;;
        \'*) value="${value#\'}" value="${value%%\'*}" ;;
        *) value="${value%%#*}" value="${value%"${value##*[![:space:]]}"}" ;;
      esac
    done <"$file"
  fi
  printf '%s' "$value"
}

require_tailscale() {
  command -v tailscale >/dev/null || fail "Tailscale is not installed" \
    "Install it: curl -fsSL https://tailscale.com/install.sh | sh" \
    "or see https://tailscale.com/download, then run: sudo tailscale up"
}

# Sets `status` to Tailscale's status of this machine, if it is connected.
require_connection() {
  status="$(tailscale status --json 2>/dev/null)" || fail "Tailscale does not run" \
    "Start its service: sudo systemctl enable --now tailscaled" \
    "then connect: sudo tailscale up"
  local state
  state="$(json_text BackendState "$status")"
  case "$state" in
    Running) ;;
    NeedsLogin) fail "This machine is not logged in to Tailscale" "Log in: sudo tailscale up" ;;
    NeedsMachineAuth) fail "This machine waits for the approval of your tailnet's administrator" \
      "Approve it: https://login.tailscale.com/admin/machines" ;;
    Stopped) fail "Tailscale is switched off" "Switch it on: sudo tailscale up" ;;
    *) fail "Tailscale is not connected, its state is \"$state\"" \
      "Wait a moment and try again. If that does not help: sudo tailscale up" ;;
  esac
}

# Prints the first text with that name in JSON. Good enough for names and states, which need no escapes.
json_text() {
  local rest="${2#*"\"$1\":"}"
  [ "$rest" != "$2" ] || return 0
  rest="${rest#*\"}"
  printf '%s' "${rest%%\"*}"
}

require_gateway() {
  local code
  code="$(curl --noproxy '*' --insecure --silent --output /dev/null --max-time 5 --write-out '%{http_code}' \
    "$local_url/health")" || true
  case "$code" in
    200) ;;
    000 | "") fail "No gateway answers at $local_url" \
      "Start it: deno task start (or docker compose up -d)" \
      "If it runs on another port, set PORT in .env. HOST must be 0.0.0.0 or 127.0.0.1." ;;
    *) fail "$local_url/health answered $code, and not 200" \
      "Look into the gateway's log. If another program has this port, set PORT in .env to a free one." ;;
  esac
}

funnel_on() {
  require_tailscale
  require_connection
  local name
  # "Self" comes before the other machines, which have a DNSName as well.
  name="$(json_text DNSName "${status#*\"Self\":}")"
  name="${name%.}"
  [ -n "$name" ] || fail "This machine has no name in the tailnet" \
    "Turn on MagicDNS and HTTPS certificates: https://login.tailscale.com/admin/dns"
  require_gateway
  # A target with a scheme only where needed: every version accepts a port alone.
  local target="$port"
  if [ "$scheme" = https ]; then target="https+insecure://127.0.0.1:$port"; fi
  tailscale funnel --bg "$target" || fail "Tailscale refused to turn on Funnel" \
    "Without the right to change Tailscale: sudo tailscale set --operator=\"\$USER\", then try again" \
    "Without HTTPS certificates: turn them on at https://login.tailscale.com/admin/dns" \
    "Without Funnel in the tailnet: allow it for this machine, https://tailscale.com/kb/1223/funnel" \
    "With a version older than 1.52: sudo tailscale update"
  cat <<END

The gateway's public address: https://$name
A new name can take some minutes until all of the internet knows it.
To take it away: ./run_tailscale.sh --off

END
  next_steps "https://$name"
}

# Prints the next steps for devices to use the address.
next_steps() {
  local configured
  configured="$(setting PUBLIC_URL)"
  echo "Next:"
  if [ "${configured%/}" = "$1" ]; then
    echo "  PUBLIC_URL is this address already. Give each device its key:"
  elif [ -n "$configured" ]; then
    echo "  PUBLIC_URL is $configured. For devices to use the new address, set in .env: PUBLIC_URL=$1"
    echo "  Then give each device its key:"
  else
    echo "  Set in .env: PUBLIC_URL=$1"
    echo "  Then give each device its key:"
  fi
  echo "    deno task keys add NAME"
  echo "    deno task keys show NAME"
}

funnel_off() {
  require_tailscale
  tailscale funnel --https=443 off || fail "Tailscale could not turn Funnel off" \
    "See what is on: tailscale funnel status" \
    "Without the right to change Tailscale: sudo tailscale set --operator=\"\$USER\", then try again"
  echo "The gateway has no public address any more."
}

if [ $# -gt 1 ]; then
  usage >&2
  exit 2
fi
case "${1:-}" in
  "") ;;
  --off)
    funnel_off
    exit 0
    ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    printf 'Error: Unknown option "%s"\n\n' "$1" >&2
    usage >&2
    exit 2
    ;;
esac

port="$(setting PORT)"
port="${port:-10000}"
if ! [[ "$port" =~ ^[0-9]{1,5}$ ]] || ((10#$port < 1 || 10#$port > 65535)); then
  fail "PORT must be a whole number from 1 to 65535, not \"$port\"" "Fix it in the environment or in .env"
fi
scheme=http
if [ -n "$(setting TLS_CERT_FILE)" ]; then scheme=https; fi
local_url="$scheme://127.0.0.1:$port"
command -v curl >/dev/null || fail "curl is not installed" "Install it: sudo apt-get install curl"
funnel_on
