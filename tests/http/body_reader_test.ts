/** Bodies as Deno's server hands them over, and the choice of the one to abort. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as fc from "fast-check";
import http2 from "node:http2";
import { BodyReader, type BodySettings } from "../../src/http/body_reader.ts";
import { HttpError } from "../../src/http/errors.ts";
import { PendingBodies, type PendingBody } from "../../src/http/pending_bodies.ts";
import { Deadlines } from "../../src/lib/deadlines.ts";
import { ManualClock } from "../support/manual_clock.ts";

const SETTINGS: BodySettings = { maxBodies: 100, maxPerAddress: 100, maxBodyBytes: 100_000, bodyTimeoutMs: 5000 };

/** Server that answers with the body that it read, on a clock that the test advances. */
class TestServer implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly bodies: BodyReader;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(settings: Partial<BodySettings> = {}) {
    const deadlines = new Deadlines(this.clock);
    const monotonic = () => this.clock.monotonic();
    this.bodies = new BodyReader({ ...SETTINGS, ...settings }, { monotonic, deadlines });
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      try {
        const address = new URL(request.url).pathname;
        return await this.bodies.read(request, address, (body) => Promise.resolve(new Response(body)));
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        return new Response(error.message, { status: error.status });
      }
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  /** Sends a text on a connection of its own. */
  async send(text: string): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    this.#connections.push(connection);
    await connection.write(new TextEncoder().encode(text));
    return connection;
  }

  /** Sends a text, and returns the status and the body of the answer. */
  async ask(text: string): Promise<string> {
    return await answerOn(await this.send(text));
  }

  /** Waits until so many bodies are being received. */
  async pending(count: number): Promise<void> {
    while (this.bodies.size !== count) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await this.#server.shutdown();
  }
}

/** Returns the status and the body of the next answer on a connection. */
async function answerOn(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
    const [, status, length, body = ""] = /^HTTP\/1.1 (\d+)[^]*?content-length: (\d+)[^]*?\r\n\r\n([^]*)$/.exec(text) ??
      [];
    if (length !== undefined && body.length >= Number(length)) return `${status} ${body}`;
  }
}

function post(body: string, { length = body.length, address = "a" } = {}): string {
  return `POST /${address} HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

function chunked(...pieces: readonly string[]): string {
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");
  return `POST /a HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`;
}

Deno.test("a body is read to its announced length, or to its end if it has none, and no further", async () => {
  await using server = new TestServer();
  assertEquals(await server.ask(post("hello")), "200 hello");
  assertEquals(await server.ask(post("helloPOST", { length: 5 })), "200 hello");
  assertEquals(await server.ask(chunked("hel", "lo", "")), "200 hello");
  assertEquals(await server.ask(post("")), "200 ");
  assertEquals([server.bodies.size, server.clock.timers], [0, 0]);
});

Deno.test("a body over the limit is refused, announced or not", async () => {
  await using server = new TestServer({ maxBodyBytes: 1000 });
  assertEquals(await server.ask(post("x".repeat(1000))), `200 ${"x".repeat(1000)}`);
  assertEquals(await server.ask(post("x", { length: 1001 })), "413 Request body too large");
  assertEquals(await server.ask(chunked("x".repeat(600), "x".repeat(600), "")), "413 Request body too large");
});

Deno.test("a request with both lengths, or with two different ones, is refused by the server", async () => {
  await using server = new TestServer();
  const both =
    "POST /a HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const two = "POST /a HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello";
  for (const text of [both, two]) assertEquals(await server.ask(text), "400 ");
});

Deno.test("an HTTP/2 body whose length is not the announced one is refused", async () => {
  await using server = new TestServer();
  const session = http2.connect(`http://127.0.0.1:${server.port}`);
  const send = (body: string, length: number) =>
    new Promise<string>((resolve) => {
      const request = session.request({ ":method": "POST", ":path": "/a", "content-length": String(length) });
      let answer = "";
      request.on("data", (piece) => answer += piece).on("end", () => resolve(answer)).on(
        "error",
        () => resolve("reset"),
      );
      request.end(body);
    });
  assertEquals(await send("hello", 5), "hello");
  assertEquals(await send("hello and more", 5), "reset");
  assertEquals(await send("hello", 50), "reset");
  session.destroy();
});

const SLOW_BODIES = [
  ["small", post("x", { length: 9 })],
  ["large", post("x", { length: 90_000 })],
  ["chunked", chunked("x")],
] as const;

for (const [kind, text] of SLOW_BODIES) {
  Deno.test(`a slow ${kind} body is refused at its deadline, before its rest has come`, async () => {
    await using server = new TestServer();
    const slow = await server.send(text);
    await server.pending(1);
    server.clock.pass(4999);
    assertEquals(server.bodies.size, 1);
    server.clock.pass(1);
    assertEquals(await answerOn(slow), "408 Request body too slow");
    assertEquals([server.bodies.size, server.clock.timers], [0, 0]);
  });

  Deno.test(`a ${kind} body whose sender disconnects is no longer received`, async () => {
    await using server = new TestServer();
    const slow = await server.send(text);
    await server.pending(1);
    await slow.closeWrite();
    await server.pending(0);
    assertEquals(server.clock.timers, 0);
  });
}

Deno.test("after 64 aborted small bodies whose senders stay, the next ones are cancelled, until a sender has left", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const bodies = new BodyReader(SETTINGS, { monotonic: () => clock.monotonic(), deadlines });
  const senders: ReadableStreamDefaultController[] = [];
  let cancelled = 0;
  /** Sends no more than the head of a body, until its deadline. */
  async function sendHead(): Promise<void> {
    const body = new ReadableStream({
      start: (sender) => void senders.push(sender),
      cancel: () => void (cancelled += 1),
    });
    const request = new Request("http://g/", { method: "POST", headers: { "Content-Length": "9" }, body });
    const refused = assertRejects(() => bodies.read(request, "a", () => Promise.resolve()), HttpError, "too slow");
    clock.pass(5250);
    await refused;
  }
  for (let count = 0; count < 64; count++) await sendHead();
  assertEquals(cancelled, 0);
  await sendHead();
  assertEquals(cancelled, 1);
  senders[0]?.error(new Error("Disconnected"));
  // Until the reader has seen it.
  await new Promise((resolve) => setTimeout(resolve));
  await sendHead();
  assertEquals(cancelled, 1);
});

Deno.test("one timer runs for all bodies that are being received", async () => {
  await using server = new TestServer();
  for (let count = 0; count < 10; count++) await server.send(post("x", { length: 9 }));
  await server.pending(10);
  assertEquals(server.clock.timers, 1);
  server.clock.pass(5250);
  await server.pending(0);
});

Deno.test("at an address's limit its oldest body makes room once it is slow, and at the total limit the largest sender's", async () => {
  await using server = new TestServer({ maxPerAddress: 8, maxBodies: 4 });
  const first = await server.send(post("x", { length: 9, address: "a" }));
  await server.pending(1);
  const second = await server.send(post("x", { length: 9, address: "a" }));
  await server.pending(2);
  const other = await server.send(post("x", { length: 9, address: "b" }));
  await server.pending(3);
  assertEquals(await server.ask(post("prompt")), "200 prompt");
  server.clock.pass(500);
  assertEquals(await server.ask(post("prompt")), "200 prompt");
  assertEquals(await answerOn(first), "408 Request body too slow");
  await server.send(post("x", { length: 9, address: "c" }));
  await server.send(post("x", { length: 9, address: "d" }));
  await server.pending(4);
  assertEquals(await server.ask(post("prompt", { address: "e" })), "200 prompt");
  assertEquals(await answerOn(second), "408 Request body too slow");
  await other.write(new TextEncoder().encode("12345678"));
  assertEquals(await answerOn(other), "200 x12345678");
});

/** Chooses the body to abort from a list of all bodies, as the definition says. */
function oldestOfLargest(bodies: readonly PendingBody[]): PendingBody | undefined {
  let largest: readonly PendingBody[] = [];
  for (const own of Map.groupBy(bodies, ({ address }) => address).values()) {
    if (own.length > largest.length) largest = own;
  }
  return largest[0];
}

Deno.test("oldestOfLargest() returns the oldest body of the address with the most, of the oldest one among equals", () => {
  const step = fc.oneof(fc.constantFrom("a", "b", "c", "d"), fc.nat(20));
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const pending = new PendingBodies();
    const bodies: PendingBody[] = [];
    for (const step of steps) {
      if (typeof step === "string") {
        bodies.push(pending.add({ address: step, since: 0, abort() {}, deadline: { clear() {} } }));
      } else {
        const [ended] = bodies.splice(step, 1);
        if (ended !== undefined) { for (let count = 0; count < 2; count++) pending.delete(ended); }
      }
      assert(pending.oldestOfLargest() === oldestOfLargest(bodies));
      for (const address of ["a", "b"]) {
        const own = bodies.filter((body) => body.address === address);
        assert(pending.oldestOf(address) === own[0]);
        assertEquals(pending.countOf(address), own.length);
      }
      assertEquals(pending.size, bodies.length);
    }
  }));
});
