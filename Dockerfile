# The gateway as a container image. Build it with `docker build -t e2e-gateway .`
#
# Another base image works if it has a shell and Deno 2.9.6 on the PATH: --build-arg BASE_IMAGE=…
ARG BASE_IMAGE=denoland/deno:debian-2.9.6

FROM ${BASE_IMAGE} AS build
WORKDIR /app
ENV DENO_DIR=/deno-dir
COPY deno.json deno.lock main.ts ./
COPY src ./src
# All modules are named, because many are loaded with import(): Deno silently skips their packages if it cannot download
# them, and the gateway would fail at its start. The command "help" leaves Deno's analysis of the modules readable without
# permission to write, as in systemd/install.sh. Some packages have files that every user may write to: chmod removes that.
RUN deno cache --frozen main.ts src/*.ts src/*/*.ts src/*/*/*.ts \
 && deno run --cached-only --frozen --no-code-cache main.ts help >/dev/null \
 && chmod -R go-w /deno-dir \
 && mkdir -p /writable/data

FROM ${BASE_IMAGE}
# NO_COLOR, because the output goes to a log, and not to a terminal.
ENV DENO_DIR=/deno-dir \
    DENO_NO_UPDATE_CHECK=1 \
    NO_COLOR=1 \
    SECRET_KEY_FILE=/app/data/secret_key.txt \
    KEYS_FILE=/app/data/keys.json \
    SERVICES_FILE=/app/data/services.yaml
WORKDIR /app
# Code and packages belong to root: the gateway can read, but not change them.
COPY --from=build /deno-dir /deno-dir
COPY --from=build /app /app
# The one directory that the gateway writes to. A number needs no entry in the base image's list of users.
COPY --from=build --chown=1000:1000 /writable /app
USER 1000:1000
VOLUME /app/data
EXPOSE 10000
# The task "start" in deno.json computes the gateway's flags from its configuration. It passes SIGTERM on to the gateway,
# and ends with its exit code.
ENTRYPOINT []
CMD ["deno", "task", "start"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["deno", "task", "health"]
