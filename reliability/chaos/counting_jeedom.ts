/**
 * A Jeedom that counts each command by its number, and misbehaves when told to. It speaks HTTP over bare TCP: a real
 * server would not send garbage, nor leave a connection in the middle.
 */
import { freePort } from "../../tests/loopback.ts";
import { readBodies, writeAll } from "./jeedom_connection.ts";

/**
 * What it does with requests. `well`: answers. `frozen`: says nothing; what waits runs once it is well again. `slow`:
 * dribbles its answer. `garbage`: runs them, and answers something else. `huge`: runs them, and answers 50 MB. `leaving`: hangs
 * up on every connection that was used before, just as the next request comes, in turn before and after it runs it.
 */
export type Mood = "well" | "frozen" | "slow" | "garbage" | "huge" | "leaving";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface CountingJeedom {
  /** Where it is. */
  readonly url: string;
  /** What it does with requests. */
  mood: Mood;
  /** Cuts all connections and listens no more. */
  die(): void;
  /** Listens again at the same port. */
  revive(): void;
  /** Ends it. */
  stop(): Promise<void>;
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

/** Starts it; `onCommand` is told the number of each command that runs. */
export function startCountingJeedom(onCommand: (number: string) => void): CountingJeedom {
  const port = freePort();
  const open = new Set<Deno.Conn>();
  const serving = new Set<Promise<void>>();
  let listener: Deno.TcpListener | undefined;
  let mood: Mood = "well";
  let changed = Promise.withResolvers<void>();
  let turn = 0;
  let partings = 0;

  function run(body: string): unknown {
    const { method, params }: { method: string; params?: { id?: unknown } } = JSON.parse(body);
    if (method === "ping") return "pong";
    const number = String(params?.id);
    onCommand(number);
    return number;
  }

  /** Answers one request. Returns false to hang up. */
  async function answer(connection: Deno.Conn, body: string, isFirst: boolean): Promise<boolean> {
    while (mood === "frozen") await changed.promise;
    // It may have died meanwhile: then nothing runs any more.
    if (!open.has(connection)) return false;
    const how = mood;
    turn += 1;
    const isParting = how === "leaving" && !isFirst;
    if (isParting && partings++ % 2 === 0) return false;
    const json = utf8.encode(JSON.stringify({ jsonrpc: "2.0", id: 99_999, result: run(body) }));
    if (isParting) return false;
    if (how === "garbage") {
      await writeAll(connection, utf8.encode(GARBAGE[turn % GARBAGE.length] ?? ""));
      return false;
    }
    if (how === "huge") {
      await writeHuge(connection, turn % 2 === 0);
      return true;
    }
    await writeAll(connection, utf8.encode(`HTTP/1.1 200 OK\r\nContent-Length: ${json.length}\r\n\r\n`));
    if (how !== "slow") await writeAll(connection, json);
    else {for (const byte of json) {
        await writeAll(connection, Uint8Array.of(byte));
        if (byte === 34) await new Promise((resolve) => setTimeout(resolve, DRIBBLE_MS));
      }}
    return true;
  }

  async function serve(connection: Deno.Conn): Promise<void> {
    let isFirst = true;
    try {
      for await (const body of readBodies(connection)) {
        if (!await answer(connection, body, isFirst)) break;
        isFirst = false;
      }
    } catch {
      // The gateway hung up, or this Jeedom died.
    }
    if (open.delete(connection)) connection.close();
  }

  async function accept(from: Deno.TcpListener): Promise<void> {
    for await (const connection of from) {
      open.add(connection);
      const served: Promise<void> = serve(connection).finally(() => serving.delete(served));
      serving.add(served);
    }
  }

  function revive(): void {
    listener = Deno.listen({ hostname: "127.0.0.1", port });
    const accepting: Promise<void> = accept(listener).finally(() => serving.delete(accepting));
    serving.add(accepting);
  }

  function die(): void {
    listener?.close();
    listener = undefined;
    for (const connection of open) connection.close();
    open.clear();
  }

  revive();
  return {
    url: `http://127.0.0.1:${port}`,
    get mood() {
      return mood;
    },
    set mood(next) {
      mood = next;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    die,
    revive,
    async stop() {
      die();
      this.mood = "well";
      await Promise.all(serving);
    },
  };
}

/** With its length told beforehand, or not. */
async function writeHuge(connection: Deno.Conn, tellsLength: boolean): Promise<void> {
  const piece = new Uint8Array(1_000_000).fill(120);
  const head = tellsLength ? `Content-Length: ${HUGE_BYTES}` : "Transfer-Encoding: chunked";
  await writeAll(connection, utf8.encode(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`));
  for (let written = 0; written < HUGE_BYTES; written += piece.length) {
    if (!tellsLength) await writeAll(connection, utf8.encode(`${piece.length.toString(16)}\r\n`));
    await writeAll(connection, piece);
    if (!tellsLength) await writeAll(connection, utf8.encode("\r\n"));
  }
  if (!tellsLength) await writeAll(connection, utf8.encode("0\r\n\r\n"));
}
