import { assert, assertEquals } from "@std/assert";
import {
  claim,
  identity,
  kindOf,
  NOW,
  PREFIX,
  redisTest,
  repeat,
  run,
  sealed,
  SECONDS,
} from "../support/redis_gateway.ts";
import { until } from "../support/deadline.ts";

redisTest("claim() is first once, and a repeat gets the first answer, also in another gateway", async (_, open) => {
  const [one, other] = [open(), open()];
  await run(one, identity(1), "answer");
  assertEquals(await repeat(one, identity(1)), "answer");
  assertEquals(await repeat(other, identity(1)), "answer");
});

redisTest("claim() lets a repeat wait for the first answer, in this gateway and in another", async (_, open) => {
  const [one, other] = [open(), open()];
  const first = await claim(one, identity(1));
  const waiting = [repeat(one, identity(1)), repeat(other, identity(1)), repeat(other, identity(1))];
  await claim(other, identity(2));
  if (first.kind === "first") first.settle(sealed("late"));
  assertEquals(await Promise.all(waiting), ["late", "late", "late"]);
});

redisTest("claim() gives a waiting repeat an answer above the limit, and does not keep it", async (_, open) => {
  const gateway = open();
  const first = await claim(gateway, identity(1));
  const waiting = repeat(gateway, identity(1));
  await claim(gateway, identity(2));
  if (first.kind === "first") first.settle(sealed("x".repeat(101)));
  assertEquals(await waiting, "x".repeat(101));
  await until("it is not kept", async () => await repeat(gateway, identity(1)) === undefined);
});

redisTest("claim() keeps an answer up to the limit, and none above it", async (_, open) => {
  const [one, other] = [open(), open()];
  await run(one, identity(1), "x".repeat(100));
  await run(one, identity(2), "x".repeat(101));
  await run(one, identity(3));
  assertEquals(await repeat(other, identity(1)), "x".repeat(100));
  assertEquals(await repeat(other, identity(2)), undefined);
  assertEquals(await repeat(other, identity(3)), undefined);
});

redisTest("claim() is first for one of many equal claims at once from two gateways", async (_, open) => {
  const [one, other] = [open(), open()];
  await Promise.all([claim(one, identity(0)), claim(other, identity(0))]);
  for (let round = 1; round <= 5; round++) {
    const claims = await Promise.all(
      Array.from({ length: 200 }, (_, index) => claim(index % 2 === 0 ? one : other, identity(round))),
    );
    const firsts = claims.filter((claim) => claim.kind === "first");
    assertEquals(firsts.length, 1);
    assertEquals(claims.filter((claim) => claim.kind === "repeat").length, 199);
    for (const first of firsts) first.settle(sealed(`answer ${round}`));
    const answers = await Promise.all(claims.map((claim) => claim.kind === "repeat" ? claim.answer : undefined));
    assertEquals(new Set(answers), new Set([undefined, sealed(`answer ${round}`)]));
    assertEquals(answers.filter((answer) => answer === undefined).length, 1);
  }
});

redisTest("claim() detects a nonce that was used for another request, running or done", async (_, open) => {
  const gateway = open();
  const first = await claim(gateway, identity(1));
  assertEquals(await kindOf(gateway, identity(1, { tag: 2 })), "nonce reused");
  if (first.kind === "first") first.settle(sealed("answer"));
  assertEquals(await kindOf(gateway, identity(1, { tag: 2 })), "nonce reused");
  assertEquals(await repeat(gateway, identity(1)), "answer");
});

redisTest("claim() keeps the keys apart", async (_, open) => {
  const gateway = open();
  await run(gateway, identity(1));
  assertEquals(await kindOf(gateway, identity(1, { kid: "another" })), "first");
});

redisTest("claim() accepts timestamps from before its process started, and detects repeats", async (_, open) => {
  const old = open();
  await run(old, identity(1), "answer");
  await old.close();
  const fresh = open();
  fresh.clock.seconds += 30;
  assertEquals(await repeat(fresh, identity(1)), "answer");
  assertEquals(await kindOf(fresh, identity(2)), "first");
});

redisTest("claim() refuses timestamps from before the first connection to an empty server", async (_, open) => {
  const gateway = open();
  assertEquals(await kindOf(gateway, identity(1, { timestamp: Math.floor(NOW) - 0.1 })), "forgotten");
  assertEquals(await kindOf(gateway, identity(1, { timestamp: Math.floor(NOW) })), "first");
});

redisTest("claim() sets a TTL for each request, which an answer does not change", async (redis, open) => {
  const gateway = open();
  await run(gateway, identity(1), "answer");
  await repeat(gateway, identity(1));
  await claim(gateway, identity(2));
  await gateway.close();
  const keys = await redis.command("KEYS", "*");
  if (!Array.isArray(keys)) throw new Error("KEYS gave no list");
  assertEquals(keys.length, 3);
  for (const key of keys.filter((key) => key !== `${PREFIX}since`)) {
    const left = Number(await redis.command("PTTL", key));
    assert(left > (SECONDS - 60) * 1000 && left <= SECONDS * 1000, `${key} lives for ${left} ms`);
  }
});

redisTest("recall() finds requests of this and other gateways, and claims nothing", async (_, open) => {
  const [one, other] = [open(), open()];
  await until("Redis is trusted", async () => (await one.store.recall(identity(1))).kind === "unknown");
  await run(one, identity(1), "answer");
  await until("Redis is trusted there", async () => (await other.store.recall(identity(2))).kind === "unknown");
  for (const { store } of [one, other]) {
    const known = await store.recall(identity(1));
    assertEquals(known.kind === "repeat" ? await known.answer : known.kind, "answer");
    const otherTag = { ...identity(1), tag: identity(2).tag };
    assertEquals((await store.recall(otherTag)).kind, "unknown");
    assertEquals((await store.recall(identity(2))).kind, "unknown");
  }
  assertEquals((await claim(one, identity(2))).kind, "first");
});

redisTest(
  "claim() refuses only the key that fills its share, and still detects its repeats",
  async (_, open) => {
    const gateway = open({ maxBytes: 2 * 512 * 10 });
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const kinds: string[] = [];
    for (const number of numbers) kinds.push(await kindOf(gateway, identity(number)));
    assertEquals(kinds, numbers.map((number) => number < 5 ? "first" : "full"));
    for (let times = 0; times < 20; times++) assertEquals(await kindOf(gateway, identity(0)), "repeat");
    assertEquals(await kindOf(gateway, identity(1, { kid: "fedcba9876543210" })), "first");
  },
);

redisTest("settle() keeps no answer beyond the share of the key, and keeps those of other keys", async (_, open) => {
  const gateway = open({ maxBytes: 2 * 512 * 10 });
  const answer = "x".repeat(100);
  const { store } = gateway;
  await run(gateway, identity(0), answer);
  const other = identity(1, { kid: "fedcba9876543210" });
  // One request settled many times stands for many requests, as the key's share of requests only has room for five.
  const first = await claim(gateway, identity(2));
  for (let times = 0; first.kind === "first" && times < 100; times++) first.settle(sealed(answer));
  await run(gateway, identity(3), answer);
  await run(gateway, other, answer);
  await store.check();
  const again = open({ maxBytes: 2 * 512 * 10 });
  assertEquals(await repeat(again, identity(3)), undefined);
  assertEquals(await repeat(again, other), answer);
});
