/** Servers that answer as no server should: a taken-over camera, or a name server that leads to one. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Reply, ServiceError } from "../../../src/services/service.ts";
import { makeHttpService } from "../../support/http_service.ts";
import { withTcpServer } from "../../support/loopback.ts";

const utf8 = new TextEncoder();

/** Asks a server that answers with these bytes, again and again if `isEndless`. */
async function ask(answer: string, { isEndless = false, isRaw = false, timeoutMs = 5000 } = {}) {
  let result: Reply | Error | undefined;
  await withTcpServer(async (connection) => {
    try {
      await connection.read(new Uint8Array(4096));
      do await connection.write(utf8.encode(answer)); while (isEndless);
      connection.close();
    } catch {
      // The gateway has closed the connection.
    }
  }, async (port) => {
    await using home = makeHttpService({
      targets: { a: { url: `http://127.0.0.1:${port}`, paths: ["/**"] } },
      maxResponseBytes: 100_000,
      timeoutMs,
    });
    result = await home.call({ target: "a", path: "/x", raw: isRaw }).catch((error: Error) => error);
  });
  return result;
}

/** Asks a server, and returns the reply. */
async function reply(...args: Parameters<typeof ask>): Promise<Reply> {
  const result = await ask(...args);
  if (result === undefined || result instanceof Error) throw new Error(`No reply: ${result}`);
  return result;
}

async function failure(...args: Parameters<typeof ask>): Promise<[status: number, code: string]> {
  const error = await ask(...args);
  if (!(error instanceof ServiceError)) throw new Error(`Not refused: ${JSON.stringify(error)}`);
  assert(!/127\.0\.0\.1|\/x/.test(error.message), error.message);
  return [error.status, error.code];
}

Deno.test("an endless answer ends at the limit of bytes", async () => {
  const chunk = "x".repeat(1000);
  assertEquals(await failure(`HTTP/1.1 200 OK\r\n\r\n${chunk}`, { isEndless: true }), [502, "service_answer"]);
});

Deno.test("a length beyond the limit is refused before the body", async () => {
  assertEquals(await failure("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), [502, "service_answer"]);
});

Deno.test("endless headers, no HTTP, and broken bodies are failures of the server", async () => {
  const answers = [
    "not HTTP at all\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(500)}\r\n`,
    `HTTP/1.1 200 OK\r\nX-A: ${"b".repeat(1_000_000)}\r\n\r\n`,
    "",
  ];
  for (const answer of answers) assertEquals(await failure(answer), [502, "service_unreachable"], answer.slice(0, 80));
  assertEquals(
    await failure("HTTP/1.1 200 OK\r\nX-A: b\r\n", { timeoutMs: 50, isEndless: true }).then(([status]) =>
      status >= 500
    ),
    true,
  );
});

Deno.test("many headers are refused above their limit, and many cookies are kept below it", async () => {
  const cookies = (count: number, size: number) => `Set-Cookie: c=${"x".repeat(size)}\r\n`.repeat(count);
  const many = await reply(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${cookies(80, 100)}\r\n`);
  assertEquals((many.members?.["headers"] as Record<string, string>)["set-cookie"]?.split("\n").length, 80);
  assertEquals(await failure(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${cookies(80, 1000)}\r\n`), [
    502,
    "service_answer",
  ]);
});

Deno.test("JSON that takes much memory is not parsed, and passes raw", async () => {
  const body = "[".repeat(90_000);
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  assertEquals((await reply(answer)).bodyJson, JSON.stringify(body));
});

Deno.test("JSON of many levels passes as text, as clients have no stack for it", async () => {
  const of = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const ask = async (body: string) =>
    (await reply(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)).bodyJson;
  assertEquals(await ask(of(512)), of(512));
  assertEquals(await ask(of(513)), JSON.stringify(of(513)));
  assertEquals(await ask(of(40_000)), JSON.stringify(of(40_000)));
});

Deno.test("headers cannot take the place of the gateway's own members", async () => {
  const { members } = await reply("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nsource: gateway\r\n__proto__: x\r\n\r\nok");
  assertEquals(Object.keys(members ?? {}), ["headers"]);
  assertEquals(JSON.stringify(members?.["headers"]).includes('"__proto__":"x"'), true);
});

Deno.test("a gzip bomb costs no more than the limit of bytes", async () => {
  const bomb = await new Response(
    new Blob([new Uint8Array(200_000_000)]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(bomb, { headers: { "Content-Encoding": "gzip" } }),
  );
  try {
    await using home = makeHttpService({
      targets: { a: { url: `http://127.0.0.1:${server.addr.port}`, paths: ["/**"] } },
      maxResponseBytes: 1_000_000,
    });
    await assertRejects(() => home.call({ target: "a", path: "/x" }), ServiceError, "larger than 1000000 bytes");
  } finally {
    await server.shutdown();
  }
});
