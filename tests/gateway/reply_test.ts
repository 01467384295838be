import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { compressBody, createToResponse } from "../../src/gateway/reply.ts";
import { fromBase64, randomBytes } from "../../src/protocol/bytes.ts";
import type { SealedText } from "../../src/protocol/aead.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { FakeTime } from "../support/fake_time.ts";
import { openAnswer } from "../../src/protocol/exchange.ts";
import { makeGateway, NOW, services } from "../support/gateway.ts";

const warned: string[] = [];
const log = { warn: (message: string) => void warned.push(message) };

const unread = new MemoryBudget(10_000_000);
const toResponse = createToResponse(unread, log);
const respond = (answer: SealedText) => toResponse(answer, "phone");

const key = await importKey(randomBytes(32));

Deno.test("createToResponse() sends answers of every length whole, with Content-Length", async () => {
  for (const length of [0, 1, 49_000, 49_123, 200_000, 3_000_000]) {
    const sealed = await sealEnvelope(key, "x".repeat(length), randomBytes);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => respond(sealed));
    const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
    assertEquals(response.headers.get("Content-Length"), String(sealed.length));
    assertEquals(await response.text(), String(sealed));
    await server.shutdown();
  }
});

Deno.test("createToResponse() hands over no more of a large answer than is read", async () => {
  const sealed = await sealEnvelope(key, "x".repeat(3_000_000), randomBytes);
  const reader = respond(sealed).body?.getReader();
  const { value } = await reader?.read() ?? {};
  const read = value?.length ?? 0;
  assert(read > 0 && read <= 64 * 1024);
  assertEquals(unread.bytes, sealed.length, "A part of it keeps all of it");
  await reader?.cancel();
  assertEquals(unread.bytes, 0);
});

Deno.test("createToResponse() evicts an answer of which nothing is read for half a minute", async () => {
  using time = new FakeTime();
  const sealed = await sealEnvelope(key, "x".repeat(300_000), randomBytes);
  const reader = respond(sealed).body?.getReader();
  time.pass(29_999);
  assertEquals((await reader?.read())?.done, false);
  time.pass(29_999);
  assert(unread.bytes > 0);
  time.pass(1);
  assertEquals([unread.bytes, warned.length], [0, 1]);
  assertEquals((await reader?.read())?.done, true);
});

Deno.test("createToResponse() evicts a key's own largest answer when its unread answers exceed its share", async () => {
  const few = new MemoryBudget(2_000_000);
  const respondFew = createToResponse(few, log);
  const [small, large] = [
    await sealEnvelope(key, "x".repeat(200_000), randomBytes),
    await sealEnvelope(key, "x".repeat(500_000), randomBytes),
  ];
  const first = respondFew(large, "phone");
  const second = respondFew(small, "phone");
  const third = respondFew(small, "phone");
  assertEquals(few.bytes, 2 * small.length);
  assertEquals(await first.text(), "");
  assertEquals([await second.text(), await third.text()], [String(small), String(small)]);
  assertEquals(few.bytes, 0);
});

Deno.test("createToResponse() sends an answer whole, however many answers of other keys are not read", async () => {
  const budget = new MemoryBudget(4_000_000);
  const respondAll = createToResponse(budget, log);
  const [small, large] = [
    await sealEnvelope(key, "x".repeat(60_000), randomBytes),
    await sealEnvelope(key, "x".repeat(900_000), randomBytes),
  ];
  const unreadResponses = Array.from(
    { length: 180 },
    (_, index) => respondAll(small, index % 2 === 0 ? "greedy" : "other"),
  );
  const modest = respondAll(large, "modest");
  unreadResponses.push(...Array.from({ length: 180 }, () => respondAll(small, "greedy")));
  assert(budget.bytes <= 4_000_000);
  assertEquals(await modest.text(), String(large));
  await Promise.all(unreadResponses.map((response) => response.body?.cancel()));
  assertEquals(budget.bytes, 0);
});

Deno.test("an evicted answer ends the connection short of its length", async () => {
  const sealed = await sealEnvelope(key, "x".repeat(30_000_000), randomBytes);
  const budget = new MemoryBudget(100_000_000);
  const respondOne = createToResponse(budget, log);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => respondOne(sealed, "phone"));
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  // It is not read: it fills the connection's buffers, and the rest waits until it is evicted.
  budget.set({ owner: "phone", evict: () => {} }, 50_000_000 - sealed.length + 1);
  await assertRejects(() => response.text());
  await server.shutdown();
});

/** Devices of a home, as JSON text. */
const DEVICES = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `Lumière ${id}`, isEnable: "1" })));

const reply = { status: 200, bodyJson: DEVICES };

async function gunzip(base64: string): Promise<string> {
  const stream = new Blob([fromBase64(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

Deno.test("compressBody() compresses a body for a request that asks for gzip", async () => {
  const { bodyGzip = "", ...rest } = await compressBody(reply, { compress: "gzip" });
  assertEquals(rest, reply);
  assert(bodyGzip.length < DEVICES.length / 5, `${bodyGzip.length} of ${DEVICES.length}`);
  assertEquals(await gunzip(bodyGzip), DEVICES);
});

Deno.test("compressBody() lets other work run while it compresses a large body", async () => {
  let iterations = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const count = () => {
    iterations += 1;
    timer = setTimeout(count);
  };
  count();
  const large = { status: 200, bodyJson: JSON.stringify(DEVICES.repeat(100)) };
  const { bodyGzip = "" } = await compressBody(large, { compress: "gzip" });
  clearTimeout(timer);
  assert(iterations > 3, `${iterations} iterations`);
  assertEquals(await gunzip(bodyGzip), large.bodyJson);
});

Deno.test("compressBody() does not compress when the request asks for none or for another compression", async () => {
  for (const payload of [{}, { compress: null }, { compress: "br" }, { compress: ["gzip"] }, { compress: true }]) {
    assertEquals(await compressBody(reply, payload), reply);
  }
});

Deno.test("compressBody() does not change a body that is short or does not shrink", async () => {
  const short = { status: 200, bodyJson: `"${"x".repeat(1000)}"` };
  const noise = { status: 200, bodyJson: JSON.stringify(crypto.getRandomValues(new Uint8Array(3000)).toBase64()) };
  for (const one of [short, noise]) assertEquals(await compressBody(one, { compress: "gzip" }), one);
});

Deno.test("an answer has body_gzip in place of body when the request asks for it, in both versions, and its repeat is the same", async () => {
  for (const version of [1, 2] as const) {
    const gateway = await makeGateway({ services: services(() => Promise.resolve(reply)) });
    const phone = await gateway.phone(gateway.secret, { version });
    const { text, exchange } = await phone.sealNow("/gateway", { compress: "gzip" });
    const answers = await Promise.all([1, 2].map(async () => await (await phone.post("/gateway", text)).text()));
    assertEquals(answers[0], answers[1]);
    const answer = JSON.parse(await openAnswer(exchange, answers[0] ?? ""));
    assertEquals(Object.keys(answer).sort(), ["body_gzip", "status", "timestamp"]);
    assertEquals([answer.status, answer.timestamp], [200, NOW]);
    assertEquals(await gunzip(answer.body_gzip), DEVICES);
    assertEquals((await phone.request("/gateway", {})).body, JSON.parse(DEVICES));
  }
});
