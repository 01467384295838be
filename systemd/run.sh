#!/bin/sh
# Runs the gateway, or one of its commands, in this process, with no more permissions than needed: run serve. Installed as
# /opt/e2e-gateway/run, beside the compiled binary or Deno and the code. Settings come from the environment, and from
# .env in the working directory.

# Without -f, the shell would expand a broker such as *.lan in the flags to file names.
set -euf

here="$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)"
export NO_COLOR=1

# Large freed memory returns to the system at once, and V8 collects garbage before its heap exceeds the limit of the unit:
# deno task memory tests both.
export MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
v8="--v8-flags=--max-old-space-size=216,--max-semi-space-size=8"

# Connections within the home use no proxy.
case "${1:-serve}" in serve | doctor) export NO_PROXY='*,0.0.0.0/0,::/0' ;; esac

if [ -x "$here/bin/e2e-gateway" ]; then exec "$here/bin/e2e-gateway" "$@"; fi

export DENO_DIR="$here/cache" DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1
deno="$here/bin/deno"
main="$here/app/main.ts"
common="--quiet --cached-only --frozen --config $here/app/deno.json"

# The flags of the tasks in deno.json.
case "${1:-serve}" in
  serve)
    # shellcheck disable=SC2086
    flags="$v8 $("$deno" run $common --allow-read --allow-env "$main" permissions)"
    ;;
  permissions | check-config) flags="--allow-read --allow-env" ;;
  actions) flags="--allow-net --allow-read --allow-write --allow-env" ;;
  keys | admin) flags="--allow-net --allow-read --allow-write --allow-env --allow-run=tailscale --allow-sys=networkInterfaces" ;;
  doctor) flags="--allow-net --allow-read --allow-env --allow-run=tailscale --allow-sys=statfs" ;;
  *) flags="--allow-net --allow-read --allow-env" ;;
esac
# exec: systemd accepts notifications only from its main process.
# shellcheck disable=SC2086
exec "$deno" run $common $flags "$main" "$@"
