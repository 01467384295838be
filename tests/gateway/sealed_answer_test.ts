import { assert, assertEquals, assertRejects } from "@std/assert";
import { Backlog } from "../../src/gateway/backlog.ts";
import { createCarryReply } from "../../src/gateway/sealed_answer.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { FakeTime } from "../fake_time.ts";

const unread = new Backlog(10_000_000);
const carry = createCarryReply(unread);

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
  assertEquals(unread.bytes, 0);
  await assertRejects(async () => await reader?.read(), Error, "not read");
});

Deno.test("createCarryReply() breaks off the answer that holds most when all together are too much", async () => {
  const few = new Backlog(1_000_000);
  const carryFew = createCarryReply(few);
  const [small, large] = [
    await sealEnvelope(key, "x".repeat(200_000), randomBytes),
    await sealEnvelope(key, "x".repeat(500_000), randomBytes),
  ];
  const first = carryFew(large);
  const second = carryFew(small);
  const third = carryFew(small);
  assertEquals(few.bytes, 2 * small.length);
  await assertRejects(() => first.text());
  assertEquals([await second.text(), await third.text()], [String(small), String(small)]);
  assertEquals(few.bytes, 0);
});
