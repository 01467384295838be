/**
 * HTTP servers on the ports of the settings, which continue to listen after failures.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import { errorName } from "../lib/errors.ts";
import type { Handler } from "../http/router.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";

/** Address and certificate of a server. */
export interface ListenOptions {
  /** Address to listen on. */
  readonly hostname: string;
  /** TCP port; 0 for any free one. */
  readonly port: number;
  /** Certificate chain in PEM, for HTTPS. */
  readonly cert?: string;
  /** Private key of the certificate in PEM. */
  readonly key?: string;
}

/** A listening server. */
export interface HttpListener {
  /** Port that it listens on. */
  readonly port: number;
  /** Refuses new connections, and settles when all requests are answered. */
  shutdown(): Promise<void>;
}

/** Delay before listening again, in milliseconds: time for connections to close. */
const PAUSE_MS = 1000;

/**
 * Listens until it is shut down. Deno stops listening when the process has no file descriptor left for a new
 * connection, which any client can cause; this starts again.
 *
 * @throws the error of a port that is taken, at the first start only
 */
export function listen(
  { serve }: Pick<Platform, "serve">,
  options: ListenOptions,
  handler: Handler,
  log: Log,
): HttpListener {
  let isStopping = false;
  let server = start(options);
  const { port } = server.addr;

  function start(at: ListenOptions): Deno.HttpServer<Deno.NetAddr> {
    const started = serve(
      { ...at, onListen: () => {} },
      (request, { remoteAddr }) => handler(request, remoteAddr.hostname),
    );
    started.finished.catch((error) => {
      log.error("Listening failed: {error}", { error });
      setTimeout(restart, PAUSE_MS);
    });
    return started;
  }

  function restart(): void {
    if (isStopping) return;
    try {
      server = start({ ...options, port });
      log.info("Listening again on port {port}", { port });
    } catch (error) {
      log.error("Listening again failed: {error}", { error });
      setTimeout(restart, PAUSE_MS);
    }
  }

  return {
    port,
    async shutdown() {
      isStopping = true;
      await server.shutdown();
    },
  };
}

/** Setting with a port that the gateway listens on. */
export type PortSetting = "PORT" | "METRICS_PORT";

const portOf = (setting: PortSetting, { server, metrics }: Config) => setting === "PORT" ? server.port : metrics.port;

/** Error of a port that another program listens on. */
export class PortTakenError extends Deno.errors.AddrInUse {
  /** Creates the error from the setting of the port. */
  constructor(readonly setting: PortSetting, readonly config: Config, options?: ErrorOptions) {
    super(`Port ${portOf(setting, config)} of ${setting} is taken`, options);
  }
}

/**
 * Listens on a port of the settings.
 *
 * @throws {PortTakenError} if another program listens on it
 * @throws {Error} if only the superuser may listen on it, with the name of the setting
 */
export function openPort<T>(setting: PortSetting, config: Config, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    const name = errorName(cause);
    if (name === "AddrInUse") throw new PortTakenError(setting, config, { cause });
    if (name !== "PermissionDenied") throw cause;
    const port = portOf(setting, config);
    throw new Error(`Ports below 1024 belong to the system: set ${setting} to a higher one, not ${port}`, { cause });
  }
}

/**
 * Checks that no program listens on the public port, so that an earlier gateway takes no more requests.
 *
 * @throws as `openPort`
 */
export function assertPortFree(config: Config, { listen }: Pick<Platform, "listen">): void {
  const { host: hostname, port } = config.server;
  openPort("PORT", config, () => listen({ hostname, port })).close();
}

/**
 * Listens on the metrics port, unless it is off.
 *
 * @throws {PortTakenError} if another program listens on it
 * @throws {Error} if it cannot be opened, with the names of its settings
 */
export function listenForAdmin(
  config: Config,
  platform: Platform,
  { handler, log }: { readonly handler: Handler; readonly log: Log },
): HttpListener | undefined {
  const { host: hostname, port } = config.metrics;
  if (port === "off") return undefined;
  try {
    const server = openPort("METRICS_PORT", config, () => listen(platform, { hostname, port }, handler, log));
    log.info("Metrics and health on {host}:{port}", { host: hostname, port: server.port });
    return server;
  } catch (error) {
    if (error instanceof PortTakenError || !(error instanceof Error)) throw error;
    const message = `Port ${port} of METRICS_HOST "${hostname}" cannot be opened: ${error.message}. Fix one of them`;
    throw new Error(message, { cause: error });
  }
}
