#!/usr/bin/env bash
# Installs the gateway as a service of systemd. Can be run again, to upgrade: settings, keys and data stay as they are.
set -euo pipefail

usage() {
  cat <<'END'
Usage: sudo systemd/install.sh                        install or upgrade, from this checkout and with this Deno
       sudo systemd/install.sh --binary FILE          the same with a binary from "deno task compile": no Deno needed
       sudo systemd/install.sh --uninstall            remove the service; settings, keys and data stay
       sudo systemd/install.sh --uninstall --purge    remove these as well

With --dry-run it says what it would do, and does nothing.
END
}

# Prints an error and its remedy, and exits.
fail() {
  printf 'Error: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 1
}

# Prints a step, and runs it.
step() {
  printf '%s\n' "$1"
  shift
  if [ "$dry_run" = no ]; then "$@"; fi
}

require_machine() {
  # sd_booted(3)
  if [ ! -d "$root/run/systemd/system" ] || ! command -v systemctl >/dev/null; then
    fail "This machine does not run systemd" "Use Docker, or start the gateway by hand: README.md"
  fi
  if [ "$(id -u)" -ne 0 ] && [ "$dry_run" = no ]; then
    fail "Only root can install a service" "Run: sudo $0 $*"
  fi
}

# Sets `deno` to the program itself: the one on the PATH may be a script that starts it.
require_deno() {
  local found home version
  found="$(command -v deno)" || found=""
  # With sudo, the PATH is not the user's, whose home may contain Deno.
  if [ -z "$found" ] && [ -n "${SUDO_USER:-}" ]; then
    home="$(getent passwd "$SUDO_USER" | cut -d: -f6)"
    if [ -x "$home/.deno/bin/deno" ]; then found="$home/.deno/bin/deno"; fi
  fi
  [ -n "$found" ] || fail "Deno is not installed" "Install it: npm install -g deno@2.9.6, or see https://deno.com" \
    "or build a binary on another machine, and use --binary: docs/operations/systemd.md"
  version="$("$found" --version | sed -n 's/^deno \([0-9.]*\).*/\1/p')"
  [[ "$version" =~ ^(2\.(9|[1-9][0-9]+)|[3-9]|[1-9][0-9]+)\. ]] || fail "Deno is too old: \"$version\"" \
    "The gateway needs 2.9 or later: deno upgrade"
  deno="$("$found" eval --no-config 'console.log(Deno.execPath())')"
}

require_binary() {
  [ -f "$binary" ] || fail "There is no file \"$binary\"" "Build it: deno task compile"
  # In another directory, so that no .env has an effect.
  (cd / && "$binary" permissions) >/dev/null 2>&1 || fail "\"$binary\" does not run here" \
    "It has to be executable, and built for this machine, $(uname -m): docs/operations/systemd.md"
}

make_user() {
  getent passwd "$name" >/dev/null || step "Make the user $name" useradd --system --user-group --no-create-home \
    --home-dir /var/lib/e2e-gateway --shell /usr/sbin/nologin "$name"
}

install_settings() {
  [ -e "$settings" ] || step "Write $settings: every setting with its default" write_settings
}

# Readable only for root, as it may contain passwords: systemd reads it for the service.
write_settings() {
  local example="$project/.env.example"
  [ -f "$example" ] || example=/dev/null
  install -D -m 0600 "$example" "$settings"
}

# The gateway would create its first key itself, and print it into the journal, which others may read.
install_key() {
  if grep -q -E '^[[:space:]]*(SECRET_KEY_FILE|KEYS_FILE)=' "$settings" 2>/dev/null; then return 0; fi
  # Existing files belong to the service's user: root must not follow links that this user may have created.
  if [ ! -e "$data" ] && [ ! -L "$data" ]; then step "Make the first key, $data/data/secret_key.txt" write_key; fi
}

write_key() {
  local new="$data.new"
  rm -rf "$new"
  (
    umask 077
    mkdir -p "$new/data"
    od -A n -v -t x1 -N 32 /dev/urandom | tr -d ' \n' >"$new/data/secret_key.txt"
  )
  chown "$name:$name" "$new/data/secret_key.txt" "$new/data" "$new"
  mv "$new" "$data"
}

install_program() {
  mkdir -p "$program/bin"
  if [ -n "$binary" ]; then
    put_program "$binary" "$program/bin/e2e-gateway"
    rm -rf "$program/bin/deno" "$program/app" "$program/cache"
  else
    put_program "$deno" "$program/bin/deno"
    install_code
    rm -f "$program/bin/e2e-gateway"
  fi
  put_program "$here/run.sh" "$program/run"
  put_program "$here/command.sh" "$program/command"
}

# By renaming: a running program cannot be written to, and a partial file is never run.
put_program() {
  cmp -s "$1" "$2" && return 0
  install -m 0755 "$1" "$2.new"
  mv -f "$2.new" "$2"
}

# The old code stays in place until the new code and its packages are complete.
install_code() {
  rm -rf "$program/app.new"
  mkdir "$program/app.new"
  cp -R "$project/deno.json" "$project/deno.lock" "$project/main.ts" "$project/src" "$program/app.new"
  # Of the page only what is served: its sources and their packages are needed to build it.
  find "$program/app.new/src/console" -mindepth 1 -maxdepth 1 ! -name deno.json ! -name dist -exec rm -rf {} +
  fill_cache app.new || fail "The packages of the gateway could not be downloaded" \
    "See above. The machine needs the network for this. A gateway that was installed before stays as it was"
  rm -rf "$program/app"
  mv "$program/app.new" "$program/app"
  # Compiled code is cached by the path of its source.
  fill_cache app
  # The service starts without it as well.
  leave_analysis || true
  # Some packages have files that every user may write to, and a checkout may be unreadable for others.
  chmod -R u=rwX,go=rX "$program/app" "$program/cache"
}

# Everything, also what is loaded with import(): the service never downloads.
fill_cache() {
  local files
  mapfile -t files < <(find "$program/$1/main.ts" "$program/$1/src" -name '*.ts')
  DENO_DIR="$program/cache" "$program/bin/deno" cache --quiet --frozen --config "$program/$1/deno.json" "${files[@]}"
}

# Deno keeps its analysis of the modules in SQLite. The service may not write there, and reads it only while SQLite's files
# -wal and -shm are there, which a command leaves as it ends. Otherwise Deno parses all modules at each start, and does not
# return the memory for it.
leave_analysis() {
  DENO_DIR="$program/cache" DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1 "$program/bin/deno" run --quiet --cached-only \
    --frozen --no-code-cache --config "$program/app/deno.json" "$program/app/main.ts" help >/dev/null
}

install_unit() {
  install -D -m 0644 "$here/e2e-gateway.service" "$unit"
  systemctl daemon-reload
}

install_command() {
  if [ -e "$link" ] && [ ! -L "$link" ]; then
    echo "  Another $link exists and is kept. The commands are at $program/command"
    return 0
  fi
  mkdir -p "$(dirname "$link")"
  ln -sfn /opt/e2e-gateway/command "$link"
}

start() {
  systemctl enable --quiet "$name.service"
  # Returns when the gateway has reported that it is ready, or has failed.
  if systemctl restart "$name.service"; then return 0; fi
  journalctl --unit "$name" --lines 20 --no-pager --output cat >&2 || true
  fail "The gateway does not start" "See above. Settings: $settings" "Check them: sudo e2e-gateway check-config" \
    "Then: sudo systemctl restart $name"
}

install_all() {
  if [ -n "$binary" ]; then require_binary; else require_deno; fi
  make_user
  install_settings
  install_key
  step "Put the program into $program" install_program
  step "Put the command e2e-gateway into $link" install_command
  step "Put the unit into $unit" install_unit
  step "Start the service, and wait until it serves" start
  if [ "$dry_run" = yes ]; then return 0; fi
  cat <<END

The gateway runs, and starts with the machine. Next:
  Is all well?         sudo e2e-gateway doctor
  Phones' address:     set PUBLIC_URL in $settings
  A key for a phone:   sudo e2e-gateway keys add NAME, then: sudo e2e-gateway keys show NAME
  The first key:       sudo e2e-gateway keys show default ($data/data)
  Settings:            sudo nano $settings, then: sudo systemctl restart $name
  What happens:        journalctl -u $name -f -o cat
  More:                docs/operations/systemd.md
END
}

remove_service() {
  systemctl disable --now --quiet "$name.service" 2>/dev/null || true
  rm -f "$unit"
  if [ -L "$link" ]; then rm -f "$link"; fi
  rm -rf "$program"
  systemctl daemon-reload
}

remove_data() {
  rm -rf "$data" "$(dirname "$settings")" "$root/etc/systemd/system/$name.service.d"
  if getent passwd "$name" >/dev/null; then userdel "$name"; fi
}

uninstall_all() {
  step "Stop and remove the service, and $program" remove_service
  if [ "$purge" = yes ]; then
    step "Remove $data, $(dirname "$settings"), and the user $name" remove_data
  else
    echo "Kept: $data, $settings, and the user $name. Remove them as well with: --uninstall --purge"
  fi
}

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
project="$(dirname "$here")"
# Prefix of every path, for tests.
root="${E2E_GATEWAY_ROOT:-}"
name=e2e-gateway
program="$root/opt/e2e-gateway"
settings="$root/etc/e2e-gateway/e2e-gateway.env"
data="$root/var/lib/e2e-gateway"
# Directory for local units. The files of "systemctl edit" are elsewhere, and override it.
unit="$root/usr/local/lib/systemd/system/e2e-gateway.service"
link="$root/usr/local/bin/e2e-gateway"

binary=""
action=install
purge=no
dry_run=no
given="$*"
while [ $# -gt 0 ]; do
  case "$1" in
    --binary)
      [ $# -gt 1 ] || fail "--binary needs a file" "Usage: sudo systemd/install.sh --binary FILE"
      binary="$2"
      case "$binary" in /*) ;; *) binary="$PWD/$binary" ;; esac
      shift
      ;;
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    --dry-run) dry_run=yes ;;
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
  shift
done
[ "$purge" = no ] || [ "$action" = uninstall ] || fail "--purge goes with --uninstall only"

# Installed files are readable for all, whatever the user's umask is.
umask 022
require_machine "$given"
if [ "$action" = install ]; then install_all; else uninstall_all; fi
