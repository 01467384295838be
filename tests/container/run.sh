#!/usr/bin/env bash
# Builds the image from the real Dockerfile, starts it, and checks its documented properties. Needs root, but neither
# Docker nor a container registry: the base image is made with debootstrap, and Buildah builds and runs in a chroot.
#
# Exit code 0: success. 1: failure. 77: not possible on this machine, for the reason in the last line of the output.
set -euo pipefail

readonly CANNOT_RUN=77
project="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

cannot_run() {
  echo "NOT RUN: $1"
  exit "$CANNOT_RUN"
}

[ "$(uname -s)" = Linux ] || cannot_run "only Linux has chroot containers"
[ "$(id -u)" -eq 0 ] || cannot_run "only root can make a chroot container"
for tool in buildah debootstrap deno curl; do
  command -v "$tool" >/dev/null || cannot_run "$tool is not installed"
done

# /var/tmp, because /tmp can be small, and mounted noexec.
work="$(mktemp -d /var/tmp/container-test.XXXXXX)"
child=""

cleanup() {
  if [ -n "$child" ]; then
    local started
    mapfile -t started < <(with_descendants "$child")
    kill -KILL "${started[@]}" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  # A remaining mount must not be emptied.
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# All of Buildah's files in the temporary directory, and plain copies as layers, which work on every file system.
box() {
  buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs "$@"
}

fail() {
  echo "FAILED: $1"
  if [ -s "$work/log" ]; then
    echo "The gateway printed:"
    # The key is only used here, but a log must not contain secrets.
    sed -E 's/^(Secret key:).*/\1 …/' "$work/log"
  fi
  exit 1
}

passed() {
  echo "ok: $1"
}

wait_for() {
  local what="$1" attempt
  shift
  for ((attempt = 0; attempt < 150; attempt++)); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  fail "$what"
}

free_port() {
  deno eval --no-config 'console.log(Deno.listen({ hostname: "127.0.0.1", port: 0 }).addr.port); Deno.exit()'
}

# Prints a process of this machine and everything that it started.
with_descendants() {
  local status
  echo "$1"
  for status in /proc/[0-9]*/status; do
    if grep -q -x -P "PPid:\t$1" "$status" 2>/dev/null; then with_descendants "${status//[!0-9]/}"; fi
  done
}

# Prints the id of the process of the image's command, whatever started it.
first_process() {
  local pid line
  for pid in $(with_descendants "$child"); do
    line="$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" || continue
    if [[ "$line" =~ ^([^ ]*/)?"${command[*]} "$ ]]; then
      echo "$pid"
      return 0
    fi
  done
  return 1
}

stop() {
  local signalled
  signalled="$(first_process)" || fail "the gateway's process has ended"
  kill -TERM "$signalled"
  code=0
  wait "$child" || code=$?
  child=""
}

echo "== Base image: Debian 12 with Deno $(deno eval --no-config 'console.log(Deno.version.deno)')"
if ! debootstrap --variant=minbase bookworm "$work/base" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
  >"$work/debootstrap.log" 2>&1; then
  tail -n 5 "$work/debootstrap.log"
  cannot_run "debootstrap could not make a base image"
fi
rm -rf "$work/base/var/cache/apt" "$work/base/var/lib/apt/lists"
# The program itself: the PATH may have a script that starts it.
cp "$(deno eval --no-config 'console.log(Deno.execPath())')" "$work/base/usr/local/bin/deno"
# The build downloads packages. It uses the certificates and the registry of this machine.
mkdir -p "$work/base/etc/ssl/certs"
for bundle in /etc/ssl/certs/ca-certificates.crt "${NODE_EXTRA_CA_CERTS:-}"; do
  if [ -f "$bundle" ]; then cat "$bundle" >>"$work/base/etc/ssl/certs/ca-certificates.crt"; fi
done
registry="$(npm config get registry 2>/dev/null || echo https://registry.npmjs.org/)"
cat >"$work/Dockerfile.base" <<END
FROM scratch
ADD base /
ENV DENO_TLS_CA_STORE=system,mozilla NPM_CONFIG_REGISTRY=$registry
END
box bud --quiet --isolation chroot --file "$work/Dockerfile.base" --tag localhost/deno-base "$work" >/dev/null
rm -rf "$work/base"

echo "== Build"
# The Docker format, because the OCI format has no HEALTHCHECK.
if ! box bud --format docker --isolation chroot --network host --build-arg BASE_IMAGE=localhost/deno-base \
  --tag localhost/e2e-gateway "$project" >"$work/build.log" 2>&1; then
  tail -n 30 "$work/build.log"
  fail "the Dockerfile does not build"
fi
container="$(box from localhost/e2e-gateway)"
root="$(box mount "$container")"
image() {
  box inspect --type image --format "$1" localhost/e2e-gateway
}
mapfile -t command < <(image '{{range .Docker.Config.Cmd}}{{println .}}{{end}}' | sed '/^$/d')
mapfile -t healthcheck < <(image '{{range .Docker.Config.Healthcheck.Test}}{{println .}}{{end}}' | sed '/^$/d; 1d')
mapfile -t environment < <(image '{{range .Docker.Config.Env}}{{println .}}{{end}}' | sed '/^$/d')
user="$(image '{{.Docker.Config.User}}')"
directory="$(image '{{.Docker.Config.WorkingDir}}')"
[ "${#command[@]}" -gt 0 ] || fail "the image has no command"
[ "${#healthcheck[@]}" -gt 0 ] || fail "the image has no health check"
passed "the Dockerfile builds"

[ ! -e "$root/app/data/secret_key.txt" ] || fail "the image holds a key"
files="$(find "$root/app" -maxdepth 1 -mindepth 1 -printf '%f\n' | LC_ALL=C sort | tr '\n' ' ')"
[ "$files" = "data deno.json deno.lock main.ts src " ] || fail "the image holds these files: $files"
files="$(find "$root/app/src/console" -maxdepth 1 -mindepth 1 -printf '%f\n' | LC_ALL=C sort | tr '\n' ' ')"
[ "$files" = "deno.json dist " ] || fail "the image holds these files of the page: $files"
passed "the image holds the gateway and nothing else"

[ "$(stat -c %u "$root/app/data")" = "${user%%:*}" ] || fail "the directory for the key is not the user's own"
files="$(find "$root/app" "$root/deno-dir" -path "$root/app/data" -prune -o ! -type l \
  \( -uid "${user%%:*}" -o -gid "${user##*:}" -o -perm -o=w \) -print)"
[ -z "$files" ] || fail "the user can change the gateway's own files:
$files"
passed "the user can write to the directory for the key, and to no other"

echo "== Start, as the image's user"
port="$(free_port)"
mkdir "$work/data"
chown "$user" "$work/data"
in_container() {
  box run --isolation chroot --network host --env HOST=127.0.0.1 --env "PORT=$port" \
    --volume "$work/data:/app/data" "$container" -- "$@"
}
# shellcheck disable=SC2317 # wait_for calls it
healthy() {
  [ "$(curl --noproxy '*' --silent --output /dev/null --write-out '%{http_code}' \
    "http://127.0.0.1:$port/health")" = 200 ]
}

if in_container "${healthcheck[@]}" >/dev/null 2>&1; then fail "the health check passes without a gateway"; fi
passed "the health check fails without a gateway"

in_container "${command[@]}" >"$work/log" 2>&1 &
child=$!
wait_for "the gateway does not answer on /health with 200" healthy
passed "the gateway answers on /health with 200"

curl --noproxy '*' --silent "http://127.0.0.1:$port/" | grep -q '<script type="module" src="assets/' ||
  fail "the gateway does not serve its page"
passed "the gateway serves its page"

in_container "${healthcheck[@]}" >/dev/null 2>&1 || fail "the health check fails beside a gateway that runs"
passed "the health check passes"

pids="$(with_descendants "$(first_process)")" || fail "the gateway's process cannot be found"
[ "$(wc -l <<<"$pids")" -ge 2 ] || fail "the command has not started the gateway"
for pid in $pids; do
  uids="$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")"
  [ "$uids" = "${user%%:*} ${user%%:*} ${user%%:*} ${user%%:*}" ] || fail "a process has the user ids $uids"
done
passed "no process is root"

[ "$(stat -c '%a %u' "$work/data/secret_key.txt")" = "600 ${user%%:*}" ] ||
  fail "the key file has mode and owner $(stat -c '%a %u' "$work/data/secret_key.txt")"
passed "the key file can be read by its owner alone"

stop
[ "$code" -eq 0 ] || fail "SIGTERM ends the container with exit code $code"
passed "SIGTERM ends the container with exit code 0"

# As docker-compose.yml runs it: only the data is writable, and the gateway is process 1. Also without a
# network, because an image must not need to download what it lacks.
echo "== Start with a root file system that cannot be written, as process 1, without a network"
if ! unshare --mount --net --pid --fork --kill-child true 2>/dev/null; then
  echo "NOT RUN: this machine gives no namespaces of its own"
  exit 0
fi
rm -f "$work/data/secret_key.txt"
: >"$work/log"
# shellcheck disable=SC2016 # the inner shell expands its own variables
unshare --mount --net --pid --fork --kill-child bash -euc '
  root="$1" data="$2" user="$3" directory="$4"
  shift 4
  ip link set lo up
  mount --bind "$root" "$root"
  mount --bind "$data" "$root/app/data"
  mount -t proc proc "$root/proc"
  mount --bind /dev "$root/dev"
  mount -o remount,bind,ro "$root"
  mount -t tmpfs tmpfs "$root/tmp"
  cd "$root"
  exec chroot --userspec="$user" "$root" /usr/bin/env --ignore-environment --chdir="$directory" "$@"
' -- "$root" "$work/data" "$user" "$directory" "${environment[@]}" "${command[@]}" >"$work/log" 2>&1 &
child=$!
port=10000
# Runs a command in the container, as the image's user, like `docker exec`.
inside() {
  nsenter --target "$(first_process)" --mount --net --pid --root --wd \
    --setuid "${user%%:*}" --setgid "${user##*:}" /usr/bin/env --ignore-environment "${environment[@]}" "$@"
}
healthy() {
  local pid
  pid="$(first_process)" && [ "$(nsenter --target "$pid" --net curl --noproxy '*' --silent --output /dev/null \
    --write-out '%{http_code}' "http://127.0.0.1:$port/health")" = 200 ]
}
wait_for "the gateway does not start without a network and with a root file system that cannot be written" healthy
passed "the gateway starts"

[ "$(awk '/^NSpid:/ { print $NF }' "/proc/$(first_process)/status")" = 1 ] || fail "the gateway is not process 1"
[[ "$(inside touch "$directory/x" 2>&1)" == *"Read-only file system"* ]] || fail "the root file system can be written"
inside "${healthcheck[@]}" >>"$work/log" 2>&1 || fail "the health check fails"
passed "the health check passes"

# Without a Jeedom, the gateway logs that once.
if grep -v '"part":"jeedom"' "$work/log" | grep -i -E 'warn|error|download'; then fail "the gateway logs warnings or errors"; fi
passed "the gateway does not complain"

stop
[ "$code" -eq 0 ] || fail "SIGTERM ends process 1 with exit code $code"
passed "SIGTERM ends process 1 with exit code 0"
