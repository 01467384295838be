/**
 * An HTTP server that goes on listening.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";

/** Where to listen, and with which certificate. */
export interface ListenOptions {
  /** Address. */
  readonly hostname: string;
  /** TCP port; 0 for any free one. */
  readonly port: number;
  /** Certificate chain in PEM, for HTTPS. */
  readonly cert?: string;
  /** Its private key in PEM. */
  readonly key?: string;
}

/** A server that listens. */
export interface HttpListener {
  /** The port it listens on. */
  readonly port: number;
  /** Refuses new connections, and settles when all requests have their answers. */
  shutdown(): Promise<void>;
}

/** How long to wait before listening again, in milliseconds: time for somebody to close a connection. */
const PAUSE_MS = 1000;

/**
 * Listens until it is shut down. Deno gives up listening when the process has no file descriptor left for a new
 * connection, which anybody can bring about; this begins again.
 *
 * @throws the error of a port that is taken, the first time only
 */
export function listen(
  { serve }: Pick<Platform, "serve">,
  options: ListenOptions,
  handler: (request: Request, peer: string) => Promise<Response>,
  log: Log,
): HttpListener {
  let stopping = false;
  let server = start(options);
  const { port } = server.addr;

  function start(where: ListenOptions): Deno.HttpServer<Deno.NetAddr> {
    const started = serve(
      { ...where, onListen: () => {} },
      (request, { remoteAddr }) => handler(request, remoteAddr.hostname),
    );
    started.finished.catch((error) => {
      log.error("Listening broke off: {error}", { error });
      setTimeout(again, PAUSE_MS);
    });
    return started;
  }

  function again(): void {
    if (stopping) return;
    try {
      server = start({ ...options, port });
      log.info("Listening again on port {port}", { port });
    } catch (error) {
      log.error("Listening again failed: {error}", { error });
      setTimeout(again, PAUSE_MS);
    }
  }

  return {
    port,
    async shutdown() {
      stopping = true;
      await server.shutdown();
    },
  };
}
