import { assert, assertEquals, assertRejects } from "@std/assert";
import { startToxicProxy, type ToxicProxy } from "../support/toxic_proxy.ts";
import { within } from "../support/deadline.ts";
import { withTcpServer } from "../support/loopback.ts";

/** Echoes and reports all bytes, and closes when the other side does. */
async function echo(connection: Deno.TcpConn, onBytes: (count: number) => void): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      onBytes(count);
      for (let sent = 0; sent < count;) sent += await connection.write(buffer.subarray(sent, count));
    }
    await connection.closeWrite();
  } catch {
    // Connection reset.
  }
}

interface ProxyContext {
  readonly proxy: ToxicProxy;
  /** Connects through the proxy. */
  connect(): Promise<Deno.TcpConn>;
  /** Number of bytes that the server has received. */
  arrived(): number;
}

function withProxy(test: (context: ProxyContext) => Promise<void>): Promise<void> {
  let bytes = 0;
  return withTcpServer((connection) => echo(connection, (count) => void (bytes += count)), async (port) => {
    const proxy = await startToxicProxy(port);
    const opened: Deno.TcpConn[] = [];
    const connect = async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
      opened.push(connection);
      // Waits until the connection is accepted: a Deno listener fails for one that is reset before.
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

/** Reads so many bytes, or to the end; returns them with the number of reads. */
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

Deno.test("startToxicProxy() forwards everything in order, and the end, without toxics", () =>
  withProxy(async ({ proxy, connect }) => {
    const connection = await connect();
    await send(connection, DATA);
    await connection.closeWrite();
    assertEquals((await read(connection)).bytes, [...DATA]);
    assertEquals(proxy.connections, 1);
  }));

Deno.test("startToxicProxy() delays a direction by its latency, not each piece in turn", () =>
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

Deno.test("startToxicProxy() limits the bandwidth", () =>
  withProxy(async ({ proxy, connect }) => {
    proxy.set({ bytesPerSecond: 10_000 }, "down");
    const connection = await connect();
    const began = performance.now();
    await send(connection, DATA);
    assertEquals((await read(connection, DATA.length)).bytes, [...DATA]);
    assert(performance.now() - began >= 250, "3,000 bytes arrived faster than 10,000 per second");
  }));

Deno.test("startToxicProxy() splits the bytes into small pieces with pauses", () =>
  withProxy(async ({ proxy, connect }) => {
    proxy.set({ sliceBytes: 300, slicePauseMs: 50 }, "down");
    const connection = await connect();
    await send(connection, DATA);
    const { bytes, pieces } = await read(connection, DATA.length);
    assertEquals(bytes, [...DATA]);
    assert(pieces >= 5, `Only ${pieces} pieces`);
  }));

Deno.test("startToxicProxy() resets a connection after so many bytes, and forwards a new one once that is unset", () =>
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

Deno.test("startToxicProxy() closes a connection after so many bytes", () =>
  withProxy(async ({ proxy, connect }) => {
    const connection = await connect();
    proxy.set({ closeAfterBytes: 1000 }, "down");
    await send(connection, DATA);
    // The byte of connect() counts, too.
    assertEquals((await read(connection)).bytes, [...DATA.subarray(0, 999)]);
  }));

Deno.test("startToxicProxy() swallows everything, and cut() resets open connections", () =>
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

Deno.test("startToxicProxy() hides the end of one side from the other", async () => {
  const arrived = Promise.withResolvers<void>();
  let hasEnded = false;
  await withTcpServer(async (connection) => {
    const buffer = new Uint8Array(100);
    await connection.read(buffer);
    arrived.resolve();
    await connection.read(buffer).catch(() => {});
    hasEnded = true;
  }, async (port) => {
    const proxy = await startToxicProxy(port);
    proxy.set({ hidesEnd: true });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
    await send(connection, DATA.subarray(0, 10));
    await within("the data", arrived.promise);
    connection.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(hasEnded, false);
    await proxy.close();
  });
  assertEquals(hasEnded, true);
});
