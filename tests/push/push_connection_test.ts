/** Answers of a hostile push service: none costs memory, leads elsewhere, or lets a message be sent twice. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { sendPush, type SendResult } from "../../src/push/push_connection.ts";
import { HAS_OPENSSL, makeCertificate } from "../support/certificate.ts";
import { within } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Answer: its parts in turn, for as long as they are read. */
type Parts = Iterable<string | Uint8Array<ArrayBuffer>>;

/**
 * Most that a service can write before the gateway closes the connection: what the system's buffers take, and a bit.
 */
const MOST_WRITTEN = 16 * 2 ** 20;

/** Server with TLS that answers each connection with the parts of the test. */
class RawService implements AsyncDisposable {
  readonly #listener: Deno.TlsListener;
  readonly #cert: string;
  readonly #serving: Promise<void>;
  #parts: Parts = [];
  connections = 0;
  /** Bytes of the last answer that were written before the connection was closed. */
  written = 0;

  private constructor(listener: Deno.TlsListener, cert: string) {
    this.#listener = listener;
    this.#cert = cert;
    this.#serving = this.#serve();
  }

  static async start(directory: string): Promise<RawService> {
    await makeCertificate(directory);
    const [cert = "", key = ""] = await Promise.all(
      ["cert.pem", "key.pem"].map((file) => Deno.readTextFile(`${directory}/${file}`)),
    );
    return new RawService(Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }), cert);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  /** Sends a message, which the service answers with these parts. */
  async send(parts: Parts, abort = new AbortController()): Promise<SendResult> {
    this.#parts = parts;
    const { port } = this.#listener.addr;
    return await sendPush({
      connect: (options) => Deno.connect(options),
      startTls: (connection, options) => Deno.startTls(connection, { ...options, caCerts: [this.#cert] }),
    }, {
      endpoint: new URL(`https://localhost:${port}/send`),
      ...{ headers: { TTL: "60" }, body: new Uint8Array(600), addressFault: () => undefined },
      ...{ signal: abort.signal, connectSignal: new AbortController().signal },
    });
  }

  async #serve(): Promise<void> {
    const answering: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections += 1;
      this.written = 0;
      answering.push(this.#answer(connection, this.#parts));
    }
    await Promise.all(answering);
  }

  async #answer(connection: Deno.TlsConn, parts: Parts): Promise<void> {
    try {
      await connection.read(new Uint8Array(4096));
      for (const part of parts) {
        const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
        for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
        this.written += bytes.length;
      }
    } catch {
      // The gateway has closed the connection.
    }
    try {
      connection.close();
    } catch {
      // So has it.
    }
  }
}

function test(name: string, run: (service: RawService) => Promise<void>): void {
  Deno.test({
    ...needing(name, { openssl: HAS_OPENSSL }),
    fn: () =>
      inTempDir(async (directory) => {
        await using service = await RawService.start(directory);
        await run(service);
      }),
  });
}

/** Repeats a part without an end. */
function* endless(...parts: readonly string[]): Generator<string> {
  const [first = "", repeated = ""] = parts;
  yield first;
  while (true) yield repeated;
}

const FILLER = "x".repeat(64 * 1024);

for (
  const { name, parts, type } of [
    { name: "an endless body", parts: () => endless("HTTP/1.1 201 Created\r\n\r\n", FILLER), type: "answered" },
    {
      name: "an endless body in chunks",
      parts: () => endless("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n", `10000\r\n${FILLER}\r\n`),
      type: "answered",
    },
    {
      name: "an endless head",
      parts: () => endless("HTTP/1.1 201 Created\r\n", `X-A: ${FILLER}\r\n`),
      type: "unconfirmed",
    },
    { name: "an endless field", parts: () => endless("HTTP/1.1 201 Created\r\nX-A: ", FILLER), type: "unconfirmed" },
    { name: "an endless status line", parts: () => endless("HTTP/1.1 201 ", FILLER), type: "unconfirmed" },
    { name: "endless bytes that are not HTTP", parts: () => endless("", FILLER), type: "unconfirmed" },
  ] as const
) {
  test(`sendPush() ends with ${name}, and reads little of it`, async (service) => {
    const { type: found } = await within("the end", service.send(parts()));
    assertEquals([found, service.connections], [type, 1]);
    assert(service.written < MOST_WRITTEN, `${service.written} bytes`);
  });
}

test("sendPush() ends when it is aborted while a service announces an answer again and again", async (service) => {
  const abort = new AbortController();
  function* parts() {
    for (let count = 0;; count++) {
      if (count === 100) abort.abort();
      yield "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    }
  }
  const { type } = await within("the end", service.send(parts(), abort));
  assertEquals([type, service.connections], ["unconfirmed", 1]);
});

test("sendPush() follows no redirect, whatever its status and its target are", async (service) => {
  const targets = ["http://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "//localhost", "/elsewhere"];
  let connections = 0;
  for (const status of [300, 301, 302, 303, 307, 308]) {
    for (const target of targets) {
      const result = await service.send([
        `HTTP/1.1 ${status} Moved\r\nLocation: ${target}\r\nContent-Length: 0\r\n\r\n`,
      ]);
      assertEquals(result, { type: "answered", answer: { status, retryAfter: null } });
      assertEquals(service.connections, connections += 1);
    }
  }
});

test("sendPush() takes an upgrade and an answer that is not HTTP for no answer", async (service) => {
  for (
    const text of [
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "HTTP/1.1 ABC\r\n\r\n",
      "HTTP/9.9\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "\0",
      "",
    ]
  ) {
    assertEquals((await within(text, service.send([text]))).type, "unconfirmed", JSON.stringify(text));
  }
});

test("sendPush() ends once, with one connection, whatever bytes the service answers with", async (service) => {
  const words = fc.constantFrom(
    ...[
      "HTTP/1.1 ",
      "HTTP/1.0 ",
      "200",
      "201 ",
      "100 Continue",
      "503",
      "\r\n",
      "\n",
      "\r",
      "\r\n\r\n",
      ": ",
      "chunked",
    ],
    ...["Retry-After: ", "Content-Length: ", "Transfer-Encoding: ", "-1", "99999999999999999999", "0", "\0", "é", "x"],
  );
  const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => new Uint8Array(array));
  const answers = fc.oneof(
    fc.array(words, { maxLength: 20 }).map((list) => [list.join("")]),
    fc.array(words, { maxLength: 12 }).map((list) => [`HTTP/1.1 201 Created\r\n${list.join("")}`]),
    fc.array(bytes, { maxLength: 4 }),
  );
  let connections = 0;
  await fc.assert(
    fc.asyncProperty(answers, async (parts) => {
      const { type } = await within("the end", service.send(parts));
      assert(type === "answered" || type === "unconfirmed", type);
      assertEquals(service.connections, connections += 1);
    }),
    { numRuns: 50 },
  );
});
