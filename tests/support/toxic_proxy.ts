/** A TCP proxy on loopback that makes a good line a bad one, in ways that can be changed while it runs. */
import { connect, createServer, type Socket } from "node:net";
import { DelayLine } from "./delay_line.ts";

/** What goes wrong in one direction. What is absent goes right. */
export interface Toxics {
  /** How long each byte is on its way, in milliseconds. */
  readonly latencyMs?: number;
  /** How much longer or shorter it may take by chance, in milliseconds. The order stays. */
  readonly jitterMs?: number;
  /** Most bytes to pass in a second. */
  readonly bytesPerSecond?: number;
  /** Most bytes to pass in one piece. */
  readonly sliceBytes?: number;
  /** Pause between two pieces, in milliseconds. */
  readonly slicePauseMs?: number;
  /** Resets the connection after so many bytes in this direction, counted from its begin. */
  readonly resetAfterBytes?: number;
  /** Takes everything and passes nothing on, the end neither, as a line that has gone silent. */
  readonly swallows?: boolean;
  /** Passes data, but does not tell one side that the other one has left, as a phone that lost its network. */
  readonly hidesEnd?: boolean;
}

/** A way through the proxy: from whoever connected to the server, or back. */
export type Direction = "up" | "down";

/** A running proxy. */
export interface ToxicProxy {
  /** The port that it listens on. */
  readonly port: number;
  /** How many connections there were. */
  readonly connections: number;
  /** Replaces the toxics of a direction; of both where none is named. */
  set(toxics: Toxics, direction?: Direction): void;
  /** Resets all connections; new ones are let through. */
  cut(): void;
  /** Stops listening and resets what is open. */
  close(): Promise<void>;
}

/** Starts a proxy before a server on loopback. */
export async function startToxicProxy(target: number): Promise<ToxicProxy> {
  const toxics: Record<Direction, Toxics> = { up: {}, down: {} };
  const pairs = new Set<() => void>();
  let connections = 0;

  function pass(client: Socket): void {
    connections += 1;
    const server = connect({ host: "127.0.0.1", port: target, allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    const left = new AbortController();

    function reset(): void {
      end();
      // Both get RST rather than an orderly end.
      client.resetAndDestroy();
      server.resetAndDestroy();
    }

    function end(): void {
      left.abort();
      pairs.delete(reset);
    }

    pairs.add(reset);
    const ways = { up: [client, server], down: [server, client] } as const;
    for (const direction of ["up", "down"] as const) {
      const [from, to] = ways[direction];
      from.on("error", () => {
        if (!toxics[direction].hidesEnd && !toxics[direction].swallows) reset();
      });
      from.on("close", () => client.destroyed && server.destroyed && end());
      oneWay({ from, to, toxics: () => toxics[direction], left: left.signal })
        .then((isReset) => isReset && reset(), reset);
    }
  }

  const server = createServer({ allowHalfOpen: true }, pass);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Proxy has no port");
  const cut = () => {
    for (const reset of [...pairs]) reset();
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

/** A direction of a connection. */
interface Way {
  readonly from: Socket;
  readonly to: Socket;
  readonly toxics: () => Toxics;
  readonly left: AbortSignal;
}

/** Passes what comes until the end, and tells whether the connection is to be reset. */
async function oneWay({ from, to, toxics, left }: Way): Promise<boolean> {
  let count = 0;
  const line = new DelayLine((piece) => write(to, piece, left), left);

  /** Puts what came on the line, and tells whether the connection is to be reset. */
  async function take(bytes: Uint8Array): Promise<boolean> {
    for (let start = 0; start < bytes.length && !left.aborted;) {
      const { resetAfterBytes = Infinity, ...bad } = toxics();
      const size = Math.min(bad.sliceBytes ?? bytes.length, bytes.length - start, Math.max(1, resetAfterBytes - count));
      const piece = bytes.subarray(start, start + size);
      start += size;
      count += size;
      if (!bad.swallows) await line.send(piece, bad);
      if (count >= resetAfterBytes) return true;
    }
    return false;
  }

  const isReset = await eachChunk(from, take);
  await line.empty();
  if (!isReset && !left.aborted && !toxics().hidesEnd && !toxics().swallows) to.end();
  return isReset;
}

/** Takes one chunk after the other, until the socket ends or breaks, or one of them says that it is enough. */
function eachChunk(from: Socket, take: (chunk: Uint8Array) => Promise<boolean>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  from.on("data", async (chunk: Uint8Array) => {
    from.pause();
    if (await take(chunk)) resolve(true);
    else from.resume();
  });
  // Not `for await`: that destroys the socket at the end, and with it the way back.
  for (const end of ["end", "close"]) from.on(end, () => resolve(false));
  return promise;
}

/** Writes, and waits until there is room for more. */
function write(to: Socket, bytes: Uint8Array, left: AbortSignal): Promise<void> | undefined {
  if (left.aborted || to.destroyed || to.write(bytes)) return undefined;
  return new Promise((resolve) => {
    const on = () => {
      to.off("drain", on);
      to.off("close", on);
      resolve();
    };
    to.on("drain", on);
    to.on("close", on);
  });
}
