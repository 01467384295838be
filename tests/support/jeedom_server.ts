/** The simulated Jeedom on a port of loopback. */
import { SimulatedHome } from "../../src/demo/simulated_home.ts";
import {
  createSimulatedJeedom,
  type SimulatedCall,
  type SimulatedJeedom,
  type SimulatedJeedomOptions,
} from "../../src/demo/simulated_jeedom.ts";
import { PING } from "../../src/services/jeedom/health.ts";

/** Jeedom for `JEEDOM_URL`. */
export interface JeedomServer {
  readonly url: string;
  readonly apikey: string;
  readonly home: SimulatedHome;
  /** Requests received, without the gateway's own health checks. */
  readonly requests: Request[];
  /** The simulated Jeedom behind the port. */
  readonly simulated: SimulatedJeedom;
  stop(): Promise<void>;
}

/** Options of a simulated Jeedom on a port. */
export interface JeedomServerOptions
  extends Partial<Pick<SimulatedJeedomOptions, "pollEveryMs" | "workers" | "isLarge">> {
  /** Certificate, for HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Starts a simulated Jeedom whose long polls check for changes every 20 ms. */
export function startJeedom({ tls, ...options }: JeedomServerOptions = {}): JeedomServer {
  const apikey = crypto.randomUUID();
  const now = () => Date.now();
  const home = new SimulatedHome(now);
  const simulated = createSimulatedJeedom({ apikey, home, now, pollEveryMs: 20, ...options });
  const requests: Request[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, async (request) => {
    const kept = request.clone();
    if (await request.clone().text() !== PING) requests.push(kept);
    return simulated.handle(request);
  });
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${server.addr.port}`,
    apikey,
    home,
    requests,
    simulated,
    stop() {
      simulated.close();
      return server.shutdown();
    },
  };
}

/** Creates a simulated Jeedom whose calls are answered by `run`, apart from the gateway's own health checks. */
export function simulateCalls(
  run: (call: SimulatedCall) => unknown,
  { workers = Infinity, apikey = "" }: { readonly workers?: number; readonly apikey?: string } = {},
): SimulatedJeedom {
  const now = () => Date.now();
  return createSimulatedJeedom({
    apikey,
    home: new SimulatedHome(now),
    now,
    workers,
    run: (call) => call.body === PING ? "pong" : run(call),
  });
}

/** Jeedom with a limited number of PHP workers. */
export interface WorkerJeedom {
  readonly url: string;
  /** Busy workers. */
  readonly busy: number;
  /** Long polls started so far. */
  readonly polls: number;
  stop(): Promise<void>;
}

/**
 * Starts a Jeedom with few PHP workers. A call occupies its worker even after its client has disconnected.
 * `event::changes` takes as many seconds as `longPolling` says; a call with `params.wait` lasts until `stop()`; one with
 * `params.bytes` returns a text of that length, any other "ok".
 *
 * @param workers calls that run at a time; further ones wait
 */
export function startWorkerJeedom(workers: number): WorkerJeedom {
  const stopped = Promise.withResolvers<void>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let polls = 0;

  function poll(seconds: number): Promise<void> {
    polls += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    timers.add(setTimeout(resolve, seconds * 1000));
    return Promise.race([promise, stopped.promise]);
  }

  async function run({ body }: SimulatedCall): Promise<unknown> {
    const { method, params }: { method: string; params: Record<string, unknown> } = JSON.parse(body);
    if (method === "event::changes") {
      await poll(Number(params["longPolling"] ?? 0));
      return { datetime: 1, result: [] };
    }
    if (params["wait"] === true) await stopped.promise;
    return typeof params["bytes"] === "number" ? "x".repeat(params["bytes"]) : "ok";
  }

  const simulated = simulateCalls(run, { workers });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => simulated.handle(request),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    get busy() {
      return simulated.busyWorkers;
    },
    get polls() {
      return polls;
    },
    async stop() {
      stopped.resolve();
      for (const timer of timers) clearTimeout(timer);
      await server.shutdown();
    },
  };
}
