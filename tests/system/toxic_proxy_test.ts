import { assert, assertEquals, assertRejects } from "@std/assert";
import { startToxicProxy, type ToxicProxy } from "../support/toxic_proxy.ts";
import { within } from "../support/deadline.ts";
import { withTcpServer } from "../support/loopback.ts";

/** Sends back all that comes and tells of it, and ends when the other side does. */
async function echo(connection: Deno.TcpConn, onBytes: (count: number) => void): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      onBytes(count);
      for (let sent = 0; sent < count;) sent += await connection.write(buffer.subarray(sent, count));
    }
    await connection.closeWrite();
  } catch {
    // It was reset.
  }
}

interface World {
  readonly proxy: ToxicProxy;
  /** Connects through the proxy. */
  connect(): Promise<Deno.TcpConn>;
  /** How many bytes have come out of it at the server. */
  arrived(): number;
}

function withProxy(test: (world: World) => Promise<void>): Promise<void> {
  let bytes = 0;
  return withTcpServer((connection) => echo(connection, (count) => void (bytes += count)), async (port) => {
    const proxy = await startToxicProxy(port);
    const opened: Deno.TcpConn[] = [];
    const connect = async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
      opened.push(connection);
      // There and back once: a listener of Deno's breaks over a connection that is reset before it is accepted.
      await send(connection, new Uint8Array(1));
      await read(connection, 1);
      return connection;
    };
    try {
      await within("the test", test({ proxy, connect, arrived: () => bytes }));
    } finally {
      for (const connection of opened) connection.close();
      await proxy.close();
    }
  });
}

async function send(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Reads so many bytes, or to the end, and tells how many pieces they came in. */
async function read(connection: Deno.TcpConn, wanted = Infinity): Promise<{ bytes: number[]; pieces: number }> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(65_536);
  let pieces = 0;
  while (bytes.length < wanted) {
    const count = await connection.read(buffer);
    if (count === null) break;
    pieces += 1;
    bytes.push(...buffer.subarray(0, count));
  }
  return { bytes, pieces };
}

const DATA = Uint8Array.from({ length: 3000 }, (_, index) => index % 251);

Deno.test("startToxicProxy() passes everything in order, and the end, when nothing is set", () =>
  withProxy(async ({ proxy, connect }) => {
    const connection = await connect();
    await send(connection, DATA);
    await connection.closeWrite();
    assertEquals((await read(connection)).bytes, [...DATA]);
    assertEquals(proxy.connections, 1);
  }));

Deno.test("startToxicProxy() delays each direction by its latency, and not each piece anew", () =>
  withProxy(async ({ proxy, connect }) => {
    const connection = await connect();
    proxy.set({ latencyMs: 100, jitterMs: 20, sliceBytes: 30 }, "up");
    const began = performance.now();
    await send(connection, DATA);
    assertEquals((await read(connection, DATA.length)).bytes, [...DATA]);
    const took = performance.now() - began;
    assert(took >= 75, `${took} ms for a latency of 100`);
    // 100 pieces one after the other would take 10 s.
    assert(took < 9000, `${took} ms for a latency of 100`);
  }));

Deno.test("startToxicProxy() passes no more than its bandwidth", () =>
  withProxy(async ({ proxy, connect }) => {
    proxy.set({ bytesPerSecond: 10_000 }, "down");
    const connection = await connect();
    const began = performance.now();
    await send(connection, DATA);
    assertEquals((await read(connection, DATA.length)).bytes, [...DATA]);
    assert(performance.now() - began >= 250, "3,000 bytes came faster than 10,000 in a second");
  }));

Deno.test("startToxicProxy() slices what passes into small pieces with pauses", () =>
  withProxy(async ({ proxy, connect }) => {
    proxy.set({ sliceBytes: 300, slicePauseMs: 50 }, "down");
    const connection = await connect();
    await send(connection, DATA);
    const { bytes, pieces } = await read(connection, DATA.length);
    assertEquals(bytes, [...DATA]);
    assert(pieces >= 5, `Only ${pieces} pieces`);
  }));

Deno.test("startToxicProxy() resets a connection after so many bytes, and a new one passes once that is unset", () =>
  withProxy(async ({ proxy, connect, arrived }) => {
    const broken = await connect();
    proxy.set({ resetAfterBytes: 1000 }, "up");
    await send(broken, DATA);
    await assertRejects(() => read(broken), Deno.errors.ConnectionReset);
    assertEquals(arrived(), 1000);
    proxy.set({});
    const whole = await connect();
    await send(whole, DATA);
    assertEquals((await read(whole, DATA.length)).bytes, [...DATA]);
  }));

Deno.test("startToxicProxy() swallows everything while told to, and cut() resets what is open", () =>
  withProxy(async ({ proxy, connect, arrived }) => {
    const connection = await connect();
    proxy.set({ swallows: true }, "up");
    await send(connection, DATA);
    const reading = read(connection, DATA.length).then(() => "read", () => "reset");
    const waiting = new Promise((resolve) => setTimeout(resolve, 100, "nothing"));
    assertEquals(await Promise.race([reading, waiting]), "nothing");
    await waiting;
    assertEquals(arrived(), 1);
    proxy.cut();
    assertEquals(await reading, "reset");
  }));

Deno.test("startToxicProxy() keeps the other side in the dark when one has left, and told to", async () => {
  const arrived = Promise.withResolvers<void>();
  let hasLeft = false;
  await withTcpServer(async (connection) => {
    const buffer = new Uint8Array(100);
    await connection.read(buffer);
    arrived.resolve();
    await connection.read(buffer).catch(() => {});
    hasLeft = true;
  }, async (port) => {
    const proxy = await startToxicProxy(port);
    proxy.set({ hidesEnd: true });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
    await send(connection, DATA.subarray(0, 10));
    await within("the data", arrived.promise);
    connection.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(hasLeft, false);
    await proxy.close();
  });
  assertEquals(hasLeft, true);
});
