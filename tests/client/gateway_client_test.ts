import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/envelope.ts";
import { deriveKeyId, importKey } from "../../src/protocol/secret_key.ts";

const KEY = "ab".repeat(32);
const secret = await importKey(Uint8Array.fromHex(KEY));

function makeClient(answer: (request: Request) => Response | Promise<Response>) {
  return new GatewayClient({
    url: "http://gateway/",
    key: KEY,
    fetch: (input, init) => Promise.resolve(answer(new Request(input, init))),
  });
}

const sealed = (value: unknown) => sealEnvelope(secret, JSON.stringify(value), randomBytes);

Deno.test("GatewayClient refuses a key that is none", () => {
  assertThrows(() => new GatewayClient({ url: "http://x", key: "short" }), TypeError, "64 hexadecimal characters");
});

Deno.test("callJeedom() opens the answer", async () => {
  const client = makeClient(async () => new Response(await sealed({ status: 200, body: { a: 1 }, timestamp: 5 })));
  assertEquals(await client.callJeedom("ping"), { status: 200, body: { a: 1 }, timestamp: 5 });
});

Deno.test("GatewayClient names its key only where it is told to", async () => {
  const seen: (string | null)[] = [];
  for (const nameKey of [true, false]) {
    const client = new GatewayClient({
      url: "http://gateway",
      key: KEY,
      nameKey,
      async fetch(_input, init) {
        seen.push(new Headers(init?.headers).get("E2E-Key-Id"));
        return new Response(await sealed({ status: 200, body: "", timestamp: 5 }));
      },
    });
    await client.callJeedom("ping");
  }
  assertEquals(seen, [await deriveKeyId(Uint8Array.fromHex(KEY)), null]);
});

Deno.test("callJeedom() tells a refusal by its status and words", async () => {
  const client = makeClient(() => Response.json({ error: "Decryption failed" }, { status: 401 }));
  const error = await assertRejects(() => client.callJeedom("ping"), GatewayError, "Decryption failed");
  assertEquals(error.status, 401);
});

Deno.test("callJeedom() takes no answer that is not sealed with its key", async () => {
  const other = await importKey(randomBytes(32));
  const forged = JSON.stringify({ status: 200, body: "done", timestamp: 5 });
  for (const text of [forged, await sealEnvelope(other, forged, randomBytes)]) {
    await assertRejects(() => makeClient(() => new Response(text)).callJeedom("ping"), GatewayError, "not sealed");
  }
});

Deno.test("callJeedom() takes no answer without status and timestamp", async () => {
  for (const value of [null, [], {}, { status: "200", timestamp: 1 }, { status: 200 }]) {
    const client = makeClient(async () => new Response(await sealed(value)));
    await assertRejects(() => client.callJeedom("ping"), GatewayError, "no status and timestamp");
  }
});

Deno.test("subscribe() opens events however the bytes are cut, and skips comments", async () => {
  const events = [
    { type: "connected", topic: "t", topics: ["t"], message: "m" },
    { type: "message", topic: "t", payload: "é", qos: 0, retain: false, timestamp: 1 },
    { type: "disconnected", message: "bye", timestamp: 2 },
  ];
  const blocks = await Promise.all(events.map(async (event) => `: keepalive\n\ndata: ${await sealed(event)}\n\n`));
  const bytes = new TextEncoder().encode(blocks.join(""));
  const client = makeClient(() =>
    new Response(ReadableStream.from((function* () {
      for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7);
    })()))
  );
  assertEquals(await Array.fromAsync(client.subscribe(["t"], { resume: false })), events);
});

Deno.test("subscribe() without resume tells a stream that breaks off without a last event", async () => {
  const first = `data: ${await sealed({ type: "connected" })}\n\n`;
  const client = makeClient(() => new Response(first));
  await assertRejects(() => Array.fromAsync(client.subscribe(["t"], { resume: false })), GatewayError, "broke off");
});

Deno.test("subscribe() skips events of types that only a newer gateway knows", async () => {
  const events = [{ type: "connected" }, { type: "weather" }, { type: "disconnected" }];
  const blocks = await Promise.all(events.map(async (event) => `data: ${await sealed(event)}\n\n`));
  const received = await Array.fromAsync(
    makeClient(() => new Response(blocks.join(""))).subscribe(["t"], {
      resume: false,
    }),
  );
  assertEquals(received.map(({ type }) => type), ["connected", "disconnected"]);
});

Deno.test("subscribe() takes no event that is none", async () => {
  for (const value of [null, 1, [], {}, { type: 1 }]) {
    const block = `data: ${await sealed(value)}\n\n`;
    const client = makeClient(() => new Response(block));
    await assertRejects(() => Array.fromAsync(client.subscribe(["t"])), GatewayError, "no known type");
  }
});

Deno.test("subscribe() cancels the stream when its reader breaks off", async () => {
  const first = new TextEncoder().encode(`data: ${await sealed({ type: "connected" })}\n\n`);
  let cancelled = false;
  const client = makeClient(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(first),
        cancel: () => void (cancelled = true),
      }),
    )
  );
  for await (const _event of client.subscribe(["t"])) break;
  assertEquals(cancelled, true);
});

Deno.test("health() tells a gateway from something else", async () => {
  const good = makeClient(() => Response.json({ status: "ok", version: "1.0.0" }));
  assertEquals(await good.health(), { status: "ok", version: "1.0.0" });
  for (
    const response of [
      Response.json({}),
      new Response("<html>"),
      Response.json({ status: "ok", version: "1" }, { status: 500 }),
    ]
  ) {
    await assertRejects(
      () => makeClient(() => response).health(),
      GatewayError,
      "No gateway answers at http://gateway",
    );
  }
});
