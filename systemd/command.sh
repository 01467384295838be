#!/bin/sh
# Runs a command of the gateway as the service's user and with the service's settings: sudo e2e-gateway keys list.
# Installed as /usr/local/bin/e2e-gateway.
set -eu

if [ "$#" -eq 0 ]; then
  echo "Usage: sudo e2e-gateway keys|actions|admin|doctor|check-config|health|call|publish|subscribe [WORD...]" >&2
  exit 2
fi
if [ "$1" = serve ]; then
  echo "Error: The gateway is a service here. Start it with: sudo systemctl start e2e-gateway" >&2
  exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "Error: Only root can become the service's user. Run: sudo e2e-gateway $1 ..." >&2
  exit 1
fi
# systemd reads the settings file as for the service. With both --pipe and --pty, it uses the suitable one.
exec systemd-run --quiet --collect --wait --pipe --pty --uid=e2e-gateway --gid=e2e-gateway \
  --working-directory=/var/lib/e2e-gateway --property=Environment=LOG_FORMAT=text \
  --property=EnvironmentFile=-/etc/e2e-gateway/e2e-gateway.env \
  --property=UMask=0077 --property=NoNewPrivileges=yes /opt/e2e-gateway/run "$@"
