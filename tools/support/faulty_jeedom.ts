/** The simulated Jeedom on a port that it can leave, behind a line that misbehaves when it is told to. */
import { createServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { House } from "../../src/demo/house.ts";
import { createSimulatedJeedom, type JeedomCall } from "../../src/demo/simulated_jeedom.ts";
import { PING } from "../../src/services/jeedom/health.ts";
import { freePort } from "../../tests/support/loopback.ts";

/**
 * What it does with requests. `well`: answers. `frozen`: says nothing; what waits runs once it is well again. `slow`:
 * dribbles its answer. `garbage`: runs them, and answers something else. `huge`: runs them, and answers 50 MB. `leaving`: hangs
 * up on every connection that was used before, just as the next request comes, in turn before and after it runs it.
 */
export type Mood = "well" | "frozen" | "slow" | "garbage" | "huge" | "leaving";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface Jeedom {
  /** Where it is. */
  readonly url: string;
  /** What it does with requests. */
  mood: Mood;
  /** Cuts all connections and listens no more. */
  die(): Promise<void>;
  /** Listens again at the same port. */
  revive(): Promise<void>;
}

const HUGE_BYTES = 50_000_000;

/** Pause between two pieces of a slow answer, in milliseconds. */
const DRIBBLE_MS = 30;

const utf8 = new TextEncoder();

/** What comes instead of an answer: no HTTP, half of it, HTTP around nonsense, and lengths and encodings that lie. */
const GARBAGE: readonly string[] = [
  "\u0000\u0001\u0002 garbage \r\n\r\n",
  "HTTP/1.1 999999 ??\r\nContent-Length: 3\r\n\r\nabc",
  'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\u0000{["}]\u0007\u0001ab',
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{"jsonrpc":"2.0","result',
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a length\r\n",
  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
  "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort",
];

/** Starts it; `run` does what a call asks for and returns its result. The gateway's own checks are no calls. */
export async function startJeedom(run: (call: JeedomCall) => unknown): Promise<Jeedom> {
  const now = () => Date.now();
  const simulated = createSimulatedJeedom({
    apikey: "",
    house: new House(now),
    now,
    run: (call) => call.body === PING ? "pong" : run(call),
  });
  const port = freePort();
  const used = new WeakSet<Socket>();
  let mood: Mood = "well";
  let changed = Promise.withResolvers<void>();
  let [life, turn, partings] = [0, 0, 0];

  async function answer({ path, body }: JeedomCall, response: ServerResponse, socket: Socket): Promise<void> {
    const wasUsed = used.has(socket);
    used.add(socket);
    const born = life;
    while (mood === "frozen" && life === born) await changed.promise;
    // It died meanwhile: then nothing runs any more.
    if (life !== born) return;
    const how = mood;
    turn += 1;
    const isParting = how === "leaving" && wasUsed;
    if (isParting && partings++ % 2 === 0) return void socket.destroy();
    const request = new Request(new URL(path, "http://jeedom"), { method: "POST", body });
    const json = await (await simulated.handle(request)).text();
    if (isParting) return void socket.destroy();
    if (how === "garbage") return void socket.end(GARBAGE[turn % GARBAGE.length] ?? "");
    if (how === "huge") return await sendHuge(response, turn % 2 === 0);
    response.setHeader("Content-Length", utf8.encode(json).length);
    const pieces = how === "slow" ? json.split(/(?<=")/) : [json];
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await pause(DRIBBLE_MS);
      response.write(piece);
    }
    response.end();
  }

  // No timeouts of its own: it leaves when it is told to.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, async (request, response) => {
    try {
      await answer({ path: request.url ?? "", body: await text(request) }, response, request.socket);
    } catch {
      // The gateway hung up, or this Jeedom died.
      request.socket.destroy();
    }
  });

  function wake(): void {
    changed.resolve();
    changed = Promise.withResolvers();
  }

  async function revive(): Promise<void> {
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  }

  await revive();
  return {
    url: `http://127.0.0.1:${port}`,
    get mood() {
      return mood;
    },
    set mood(next) {
      mood = next;
      wake();
    },
    async die() {
      life += 1;
      wake();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    revive,
  };
}

/** With its length told beforehand, or not. */
async function sendHuge(response: ServerResponse, tellsLength: boolean): Promise<void> {
  const piece = new Uint8Array(1_000_000).fill(120);
  if (tellsLength) response.setHeader("Content-Length", HUGE_BYTES);
  await pipeline(Readable.from(Array.from({ length: HUGE_BYTES / piece.length }, () => piece)), response);
}
