import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { createToResponse } from "../../src/gateway/reply.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { SealedText } from "../../src/protocol/aead.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { FakeTime } from "../support/fake_time.ts";

const warned: string[] = [];
const log = { warn: (message: string) => void warned.push(message) };

const unread = new MemoryBudget(10_000_000);
const carryReply = createToResponse(unread, log);
const carry = (answer: SealedText) => carryReply(answer, "phone");

const key = await importKey(randomBytes(32));

Deno.test("createCarryReply() carries answers of every length whole, and says how long they are", async () => {
  for (const length of [0, 1, 49_000, 49_123, 200_000, 3_000_000]) {
    const sealed = await sealEnvelope(key, "x".repeat(length), randomBytes);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => carry(sealed));
    const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
    assertEquals(response.headers.get("Content-Length"), String(sealed.length));
    assertEquals(await response.text(), String(sealed));
    await server.shutdown();
  }
});

Deno.test("createCarryReply() hands out no more of a large answer than is read", async () => {
  const sealed = await sealEnvelope(key, "x".repeat(3_000_000), randomBytes);
  const reader = carry(sealed).body?.getReader();
  const { value } = await reader?.read() ?? {};
  const read = value?.length ?? 0;
  assert(read > 0 && read <= 64 * 1024);
  assertEquals(unread.bytes, sealed.length, "A part of it keeps all of it");
  await reader?.cancel();
  assertEquals(unread.bytes, 0);
});

Deno.test("createCarryReply() breaks an answer off of which nothing is read for half a minute", async () => {
  using time = new FakeTime();
  const sealed = await sealEnvelope(key, "x".repeat(300_000), randomBytes);
  const reader = carry(sealed).body?.getReader();
  time.pass(29_999);
  assertEquals((await reader?.read())?.done, false);
  time.pass(29_999);
  assert(unread.bytes > 0);
  time.pass(1);
  assertEquals([unread.bytes, warned.length], [0, 1]);
  assertEquals((await reader?.read())?.done, true);
});

Deno.test("createCarryReply() breaks off a key's own largest answer when its unread ones are more than its share", async () => {
  const few = new MemoryBudget(2_000_000);
  const carryFew = createToResponse(few, log);
  const [small, large] = [
    await sealEnvelope(key, "x".repeat(200_000), randomBytes),
    await sealEnvelope(key, "x".repeat(500_000), randomBytes),
  ];
  const first = carryFew(large, "phone");
  const second = carryFew(small, "phone");
  const third = carryFew(small, "phone");
  assertEquals(few.bytes, 2 * small.length);
  assertEquals(await first.text(), "");
  assertEquals([await second.text(), await third.text()], [String(small), String(small)]);
  assertEquals(few.bytes, 0);
});

Deno.test("createCarryReply() carries an answer whole, however many of other keys nobody reads", async () => {
  const budget = new MemoryBudget(4_000_000);
  const carryAll = createToResponse(budget, log);
  const [small, large] = [
    await sealEnvelope(key, "x".repeat(60_000), randomBytes),
    await sealEnvelope(key, "x".repeat(900_000), randomBytes),
  ];
  const unreadOnes = Array.from({ length: 180 }, (_, index) => carryAll(small, index % 2 === 0 ? "greedy" : "other"));
  const modest = carryAll(large, "modest");
  unreadOnes.push(...Array.from({ length: 180 }, () => carryAll(small, "greedy")));
  assert(budget.bytes <= 4_000_000);
  assertEquals(await modest.text(), String(large));
  await Promise.all(unreadOnes.map((response) => response.body?.cancel()));
  assertEquals(budget.bytes, 0);
});

Deno.test("an answer that is broken off ends the connection short of its length", async () => {
  const sealed = await sealEnvelope(key, "x".repeat(30_000_000), randomBytes);
  const budget = new MemoryBudget(100_000_000);
  const carryOne = createToResponse(budget, log);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => carryOne(sealed, "phone"));
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  // Nothing reads it: it fills the buffers of the connection, and the rest waits until it is evicted.
  budget.set({ owner: "phone", evict: () => {} }, 50_000_000 - sealed.length + 1);
  await assertRejects(() => response.text());
  await server.shutdown();
});
