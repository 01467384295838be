/** TCP proxy on loopback that degrades connections in ways that can be changed while it runs. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Faults of one direction; without any, everything passes unchanged. */
export interface Toxics {
  /** Delay of each byte, in milliseconds. */
  readonly latencyMs?: number;
  /** Largest random deviation of the delay, in milliseconds. The order is kept. */
  readonly jitterMs?: number;
  /** Bandwidth, in bytes per second. */
  readonly bytesPerSecond?: number;
  /** Largest size of a piece, in bytes. */
  readonly sliceBytes?: number;
  /** Pause between two pieces, in milliseconds. */
  readonly slicePauseMs?: number;
  /** Resets the connection after so many bytes of this direction. */
  readonly resetAfterBytes?: number;
  /** Closes the connection after so many bytes of this direction. */
  readonly closeAfterBytes?: number;
  /** Discards everything, including the end, as a connection that has gone silent. */
  readonly swallows?: boolean;
  /** Hides the end of one side from the other, as a client that lost its network. */
  readonly hidesEnd?: boolean;
}

/** Direction: from the client to the server, or back. */
export type Direction = "up" | "down";

/** A running proxy. */
export interface ToxicProxy {
  /** Port that it listens on. */
  readonly port: number;
  /** Number of connections so far. */
  readonly connections: number;
  /** Replaces the toxics of a direction; of both by default. */
  set(toxics: Toxics, direction?: Direction): void;
  /** Resets all connections; further ones are accepted. */
  cut(): void;
  /** Resets all connections and stops listening. */
  close(): Promise<void>;
}

/** Starts a proxy for a port of loopback. */
export async function startToxicProxy(target: number): Promise<ToxicProxy> {
  const toxics: Record<Direction, Toxics> = { up: {}, down: {} };
  const resets = new Set<() => void>();
  let connections = 0;

  function join(client: Socket): void {
    connections += 1;
    const server = connect({ host: "127.0.0.1", port: target, allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    const closed = new AbortController();

    function end(): void {
      closed.abort();
      resets.delete(reset);
    }

    function reset(): void {
      end();
      // Sends RST to both sides instead of FIN.
      client.resetAndDestroy();
      server.resetAndDestroy();
    }

    function close(): void {
      end();
      client.destroySoon();
      server.destroySoon();
    }

    resets.add(reset);
    const pairs = { up: [client, server], down: [server, client] } as const;
    for (const direction of ["up", "down"] as const) {
      const [from, to] = pairs[direction];
      from.on("error", () => {
        if (!toxics[direction].hidesEnd && !toxics[direction].swallows) reset();
      });
      from.on("close", () => client.destroyed && server.destroyed && end());
      forward({ from, to, toxics: () => toxics[direction], closed: closed.signal }).then((action) => {
        if (action === "reset") reset();
        if (action === "close") close();
      }, reset);
    }
  }

  const server = createServer({ allowHalfOpen: true }, join);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Proxy has no port");
  const cut = () => {
    for (const reset of [...resets]) reset();
  };
  return {
    port: address.port,
    get connections() {
      return connections;
    },
    set(next, direction) {
      for (const one of direction === undefined ? ["up", "down"] as const : [direction]) toxics[one] = next;
    },
    cut,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

/** One direction of a connection. */
interface Route {
  readonly from: Socket;
  readonly to: Socket;
  readonly toxics: () => Toxics;
  readonly closed: AbortSignal;
}

/** Action on the connection after a direction has ended. */
type Action = "none" | "reset" | "close";

/** Forwards everything until the end; returns what to do with the connection. */
async function forward({ from, to, toxics, closed }: Route): Promise<Action> {
  let count = 0;
  const line = new DelayLine((piece) => write(to, piece, closed), closed);

  /** Forwards a chunk in pieces. */
  async function take(chunk: Uint8Array): Promise<Action> {
    for (let start = 0; start < chunk.length && !closed.aborted;) {
      const { resetAfterBytes = Infinity, closeAfterBytes = Infinity, ...delay } = toxics();
      const left = Math.max(1, Math.min(resetAfterBytes, closeAfterBytes) - count);
      const piece = chunk.subarray(start, start + Math.min(delay.sliceBytes ?? chunk.length, left));
      start += piece.length;
      count += piece.length;
      if (!delay.swallows) await line.send(piece, delay);
      if (count >= resetAfterBytes) return "reset";
      if (count >= closeAfterBytes) return "close";
    }
    return "none";
  }

  const action = await eachChunk(from, take);
  await line.empty();
  if (action === "none" && !closed.aborted && !toxics().hidesEnd && !toxics().swallows) to.end();
  return action;
}

/** Takes one chunk after the other, until the socket ends or breaks, or an action other than "none" is returned. */
function eachChunk(from: Socket, take: (chunk: Uint8Array) => Promise<Action>): Promise<Action> {
  const { promise, resolve } = Promise.withResolvers<Action>();
  from.on("data", async (chunk: Uint8Array) => {
    from.pause();
    const action = await take(chunk);
    if (action === "none") from.resume();
    else resolve(action);
  });
  // Not `for await`, which destroys the socket at the end, and with it the other direction.
  for (const event of ["end", "close"]) from.on(event, () => resolve("none"));
  return promise;
}

/** Writes, and waits until the buffer has drained. */
async function write(to: Socket, bytes: Uint8Array, closed: AbortSignal): Promise<void> {
  if (closed.aborted || to.destroyed || to.write(bytes)) return;
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race(["drain", "close"].map((event) => once(to, event, { signal }))).catch(() => {});
  settled.abort();
}

/** Most bytes in transit; a sender waits beyond them. */
const MAX_BYTES = 1024 * 1024;

/** Queue that delivers each piece in order, after its latency and within the bandwidth. */
class DelayLine {
  readonly #deliver: (piece: Uint8Array) => Promise<void>;
  readonly #closed: AbortSignal;
  #last: Promise<void> = Promise.resolve();
  #bytes = 0;
  #hasRoom = Promise.withResolvers<void>();
  /** Times at which the previous piece has been sent, and is delivered. */
  #sentAt = 0;
  #dueAt = 0;

  /**
   * @param deliver takes a piece at its time; the next one waits for it
   * @param closed ends all waits; pieces in transit are dropped
   */
  constructor(deliver: (piece: Uint8Array) => Promise<void>, closed: AbortSignal) {
    this.#deliver = deliver;
    this.#closed = closed;
  }

  /** Adds a piece, once there is room. */
  async send(piece: Uint8Array, delay: Toxics): Promise<void> {
    while (this.#bytes >= MAX_BYTES && !this.#closed.aborted) await this.#hasRoom.promise;
    this.#bytes += piece.length;
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond = Infinity, slicePauseMs = 0 } = delay;
    this.#sentAt = Math.max(performance.now(), this.#sentAt) + piece.length / bytesPerSecond * 1000 + slicePauseMs;
    const latency = Math.max(0, latencyMs + (2 * Math.random() - 1) * jitterMs);
    this.#dueAt = Math.max(this.#dueAt, this.#sentAt - slicePauseMs + latency);
    this.#last = this.#deliverAt(this.#dueAt, piece, this.#last);
  }

  async #deliverAt(dueAt: number, piece: Uint8Array, previous: Promise<void>): Promise<void> {
    await previous;
    const ms = dueAt - performance.now();
    if (ms > 0) await pause(ms, undefined, { signal: this.#closed }).catch(() => {});
    if (!this.#closed.aborted) await this.#deliver(piece);
    this.#bytes -= piece.length;
    this.#hasRoom.resolve();
    this.#hasRoom = Promise.withResolvers<void>();
  }

  /** Resolves when all pieces have been delivered. */
  empty(): Promise<void> {
    return this.#last;
  }
}
