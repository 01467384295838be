/** Simulated Jeedom with faults of its HTTP server, which can be stopped and started again at its port. */
import { createServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { SimulatedCall } from "../../src/demo/simulated_jeedom.ts";
import { simulateCalls } from "../../tests/support/jeedom_server.ts";
import { freePort } from "../../tests/support/loopback.ts";

/**
 * Handling of requests. `normal`: answers. `frozen`: does not answer; pending requests run after it. `slow`: sends its
 * answer in small pieces. `garbage`: runs the call and sends an invalid answer. `huge`: runs the call and sends 50 MB.
 * `disconnecting`: closes every reused connection at the next request, alternately before and after running the call.
 */
export type JeedomFault = "normal" | "frozen" | "slow" | "garbage" | "huge" | "disconnecting";

/** Jeedom for `JEEDOM_URL`. */
export interface FaultyJeedom {
  /** Its URL. */
  readonly url: string;
  /** Handling of requests; may be changed at any time. */
  fault: JeedomFault;
  /** Number of requests that wait while it is frozen. */
  readonly waiting: number;
  /** Closes all connections and the port. */
  stop(): Promise<void>;
  /** Listens again at the same port. */
  start(): Promise<void>;
}

const HUGE_BYTES = 50_000_000;

/** Pause between two pieces of a slow answer, in milliseconds. */
const SLOW_PAUSE_MS = 30;

const utf8 = new TextEncoder();

/** Invalid answers: not HTTP, truncated HTTP, HTTP with an invalid body, and wrong lengths and encodings. */
const GARBAGE: readonly string[] = [
  "\u0000\u0001\u0002 garbage \r\n\r\n",
  "HTTP/1.1 999999 ??\r\nContent-Length: 3\r\n\r\nabc",
  'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\u0000{["}]\u0007\u0001ab',
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{"jsonrpc":"2.0","result',
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a length\r\n",
  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
  "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort",
];

/** Starts it; `run` executes a call and returns its result. It does not see the gateway's own health checks. */
export async function startFaultyJeedom(run: (call: SimulatedCall) => unknown): Promise<FaultyJeedom> {
  const simulated = simulateCalls(run);
  const port = freePort();
  const used = new WeakSet<Socket>();
  let fault: JeedomFault = "normal";
  let changed = Promise.withResolvers<void>();
  let [generation, waiting, answers, disconnects] = [0, 0, 0, 0];

  async function answer({ path, body }: SimulatedCall, response: ServerResponse, socket: Socket): Promise<void> {
    const wasUsed = used.has(socket);
    used.add(socket);
    const own = generation;
    waiting += 1;
    while (fault === "frozen" && generation === own) await changed.promise;
    waiting -= 1;
    // It was stopped meanwhile: the call must not run.
    if (generation !== own) return;
    const current = fault;
    answers += 1;
    const isDisconnecting = current === "disconnecting" && wasUsed;
    if (isDisconnecting && disconnects++ % 2 === 0) return void socket.destroy();
    const request = new Request(new URL(path, "http://jeedom"), { method: "POST", body });
    const json = await (await simulated.handle(request)).text();
    if (isDisconnecting) return void socket.destroy();
    if (current === "garbage") return void socket.end(GARBAGE[answers % GARBAGE.length] ?? "");
    if (current === "huge") return await sendHuge(response, { hasLength: answers % 2 === 0 });
    response.setHeader("Content-Length", utf8.encode(json).length);
    const pieces = current === "slow" ? json.split(/(?<=")/) : [json];
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await pause(SLOW_PAUSE_MS);
      response.write(piece);
    }
    response.end();
  }

  // Without timeouts: connections close only as the fault says.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, async (request, response) => {
    try {
      await answer({ path: request.url ?? "", body: await text(request) }, response, request.socket);
    } catch {
      // The gateway disconnected, or this Jeedom was stopped.
      request.socket.destroy();
    }
  });

  function notify(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  async function start(): Promise<void> {
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  }

  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
      notify();
    },
    get waiting() {
      return waiting;
    },
    async stop() {
      generation += 1;
      notify();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    start,
  };
}

/** Sends a huge answer, with or without Content-Length. */
async function sendHuge(response: ServerResponse, { hasLength }: { readonly hasLength: boolean }): Promise<void> {
  const piece = new Uint8Array(1_000_000).fill(120);
  if (hasLength) response.setHeader("Content-Length", HUGE_BYTES);
  await pipeline(Readable.from(Array.from({ length: HUGE_BYTES / piece.length }, () => piece)), response);
}
