/** The simulated Jeedom with few PHP workers, whose calls last as long as a test wants. */
import { SimulatedHome } from "../../src/demo/simulated_home.ts";
import { createSimulatedJeedom, type JeedomCall } from "../../src/demo/simulated_jeedom.ts";
import { PING } from "../../src/services/jeedom/health.ts";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface WorkerJeedom {
  readonly url: string;
  /** Calls that hold a worker now. */
  readonly busy: number;
  /** Long polls that have begun so far. */
  readonly polls: number;
  stop(): Promise<void>;
}

/**
 * Starts it. A call holds its worker also when its caller has left. `event::changes` lasts as long as `longPolling` says,
 * and a call with `params.wait` until `stop()`; one with `params.bytes` gets a text of that length, any other "ok".
 *
 * @param workers how many calls run at a time; further ones wait
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

  async function run({ body }: JeedomCall): Promise<unknown> {
    if (body === PING) return "pong";
    const { method, params }: { method: string; params: Record<string, unknown> } = JSON.parse(body);
    if (method === "event::changes") {
      await poll(Number(params["longPolling"] ?? 0));
      return { datetime: 1, result: [] };
    }
    if (params["wait"] === true) await stopped.promise;
    return typeof params["bytes"] === "number" ? "x".repeat(params["bytes"]) : "ok";
  }

  const now = () => Date.now();
  const simulated = createSimulatedJeedom({ apikey: "", home: new SimulatedHome(now), now, workers, run });
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
