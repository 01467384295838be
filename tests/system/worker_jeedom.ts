/** A Jeedom with few PHP workers: a call holds one until it is over, also when its caller has left. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { PING } from "../../src/services/jeedom_check.ts";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface WorkerJeedom {
  readonly url: string;
  /** Calls that hold a worker now. */
  readonly busy: number;
  /** Long polls that have begun so far. */
  readonly polls: number;
  /** Ends all calls that wait for it, and those that come. */
  release(): void;
  stop(): Promise<void>;
}

/**
 * Starts it. `event::changes` waits until its end, as long as `longPolling` says; a call with `params.wait` waits for
 * `release()`; a call with `params.bytes` gets a text of that length; any other gets "ok".
 *
 * @param workers how many calls run at a time; further ones wait
 */
export async function startWorkerJeedom(workers: number): Promise<WorkerJeedom> {
  const released = Promise.withResolvers<void>();
  const queue: (() => void)[] = [];
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let [busy, polls] = [0, 0];

  function poll(seconds: number): Promise<void> {
    polls += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    timers.add(setTimeout(resolve, seconds * 1000));
    return Promise.race([promise, released.promise]);
  }

  async function run({ method, params }: { method: string; params: Record<string, unknown> }): Promise<unknown> {
    if (method === "event::changes") {
      await poll(Number(params["longPolling"] ?? 0));
      return { datetime: 1, result: [] };
    }
    if (params["wait"] === true) await released.promise;
    return typeof params["bytes"] === "number" ? "x".repeat(params["bytes"]) : "ok";
  }

  async function work<T>(job: () => Promise<T>): Promise<T> {
    if (busy >= workers) await new Promise<void>((resolve) => queue.push(resolve));
    busy += 1;
    try {
      return await job();
    } finally {
      busy -= 1;
      queue.shift()?.();
    }
  }

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, async (request, response) => {
    try {
      const body = await text(request);
      const result = body === PING ? "pong" : await work(() => run(JSON.parse(body)));
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id: 99_999, result }));
    } catch {
      request.socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    get busy() {
      return busy;
    },
    get polls() {
      return polls;
    },
    release: () => released.resolve(),
    async stop() {
      released.resolve();
      for (const timer of timers) clearTimeout(timer);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
