import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisUrl } from "../../../src/net/redis_url.ts";
import type { RedisState } from "../../../src/store/state/redis_state.ts";
import { StateStoreError } from "../../../src/store/state/state_store.ts";
import { until, within } from "../../support/deadline.ts";
import { needing } from "../../support/needs.ts";
import { freePort } from "../../support/loopback.ts";
import { batchOf } from "../../support/push_batch.ts";
import { REDIS_SERVER, type TestRedis, type TestRedisOptions, withRedis } from "../../support/redis_server.ts";
import { startCluster } from "../../support/redis_cluster.ts";
import { DURABLE, openingRedisStates, openRedisState } from "../../support/redis_state.ts";
import { alert, LIMITS, message, PHONE, rule, subscription } from "./push_examples.ts";

/** Declares a test with a server and a function that opens the state as another process does. */
function redisStateTest(
  name: string,
  test: (redis: TestRedis, open: () => RedisState) => Promise<void>,
  options: TestRedisOptions = DURABLE,
): void {
  Deno.test(
    needing(name, { "redis-server": REDIS_SERVER }),
    () => withRedis(options, (redis) => openingRedisStates(redis.url(), (open) => test(redis, () => open().state))),
  );
}

/** Runs the program that claims in a process of its own, and returns its lines. */
async function runClaims(redis: TestRedis, ...args: readonly string[]): Promise<readonly string[]> {
  const program = new URL("redis_claim_program.ts", import.meta.url).pathname;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", program, redis.url().href, ...args],
    stderr: "inherit",
  }).output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

redisStateTest(
  "claimUse() and claimPairing() of two processes at once succeed for one of them",
  async (redis, open) => {
    const kids = Array.from({ length: 40 }, (_, index) => `kid${index}`);
    const state = open();
    for (const kid of kids) {
      const pairing = { kid, secret: new Uint8Array(32), name: kid, record: undefined, expires: 1000 };
      assertEquals(await state.addPairing(pairing, { now: 0, max: 100 }), true);
    }
    const lines = (await Promise.all([1, 2].map(() => runClaims(redis, "guest", "60", "50", ...kids)))).flat();
    assertEquals(lines.filter((line) => line === "true").length, 60);
    assertEquals(lines.filter((line) => line.startsWith("kid")).toSorted(), kids.toSorted());
    assertEquals(await state.readUses("guest"), 60);
  },
);

redisStateTest("claimUse() counts a use that outlives the end of the server", async (redis, open) => {
  const state = open();
  for (const _ of [1, 2, 3]) assertEquals(await state.claimUse("guest", 3), true);
  await redis.kill();
  await assertRejects(() => state.claimUse("guest", 3), StateStoreError);
  await redis.start();
  await until("the server is used again", () => state.readUses("guest").then((uses) => uses === 3, () => false));
  assertEquals(await until("a claim", () => state.claimUse("guest", 3).then((is) => !is, () => false)), undefined);
  assertEquals(await state.readUses("guest"), 3);
});

redisStateTest("claimUse() and check() fail on a server that was emptied, until a restart", async (redis, open) => {
  const state = open();
  assertEquals(await state.claimUse("guest", 1), true);
  await redis.command("FLUSHALL");
  await assertRejects(() => state.claimUse("guest", 1), StateStoreError, "emptied or replaced");
  await assertRejects(() => state.check(), StateStoreError, "restart all");
  const later = open();
  assertEquals(await later.claimUse("guest", 1), true);
  await later.check();
  await assertRejects(() => state.claimUse("guest", 9), StateStoreError, "restart all");
  await assertRejects(() => state.check(), StateStoreError, "restart all");
});

for (const [server, options] of [["keeps nothing on its disk", {}], ["syncs later", { appendonly: true }]] as const) {
  redisStateTest(`claimUse() and claimPairing() claim nothing on a server that ${server}`, async (redis, open) => {
    // A server with WAITAOF can be waited for, if it has a file.
    const version = String(await redis.command("INFO", "server")).match(/redis_version:(\d+)\.(\d+)/)?.slice(1) ?? [];
    const hasWait = Number(version[0]) > 7 || Number(version[0]) === 7 && Number(version[1]) >= 2;
    if (hasWait && "appendonly" in options) return;
    const state = open();
    const pairing = { kid: "a", secret: new Uint8Array(32), name: "phone", record: undefined, expires: 1000 };
    await state.addPairing(pairing, { now: 0, max: 1 });
    await assertRejects(() => state.claimUse("guest", 3), StateStoreError, "set appendonly to yes");
    await assertRejects(() => state.claimPairing("a", { now: 0, keepUntil: 9 }), StateStoreError, "appendfsync");
    assertEquals([await state.readUses("guest"), (await state.findPairing("a", 0))?.isUsed], [0, false]);
    // After the remedy, without a restart.
    await redis.command("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always");
    assertEquals(await state.claimUse("guest", 3), true);
  }, options);
}

Deno.test("RedisState fails in every method while the server is away, within a second", async () => {
  const { state, close } = openRedisState(new RedisUrl(`redis://127.0.0.1:${freePort()}`));
  try {
    const uses: readonly (() => Promise<unknown>)[] = [
      () => state.claimUse("guest", 1),
      () => state.returnUse("guest"),
      () => state.readUses("guest"),
      () => state.findPairing("a", 0),
      () => state.claimPairing("a", { now: 0, keepUntil: 1 }),
      () => state.returnPairing("a"),
      () => state.listPairings(0),
      () => state.removePairings("a"),
      () => state.addSubscription(subscription("a"), { max: 1 }),
      () => state.listSubscriptions(),
      () => state.putRule(rule("a"), { max: 1 }),
      () => state.enqueue(batchOf(alert("x"), []), LIMITS),
      () => state.claimMessages(0, 1),
      () => state.settleMessage(1, { type: "sent", now: 0 }),
      () => state.whenAlone(),
      () => state.dropInterrupted(),
      () => state.queueState(),
    ];
    await within("all failures", Promise.all(uses.map((use) => assertRejects(use, StateStoreError, "REDIS_URL"))));
  } finally {
    await close();
  }
});

redisStateTest("RedisState fails while the server is frozen, and goes on afterwards", async (redis, open) => {
  const { state, close } = openRedisState(redis.url(), { timeoutMs: 2000 });
  await state.putRule(rule("door"), { max: 1 });
  redis.signal("SIGSTOP");
  await within("the failure", assertRejects(() => state.listRules(), StateStoreError));
  redis.signal("SIGCONT");
  await until("it goes on", () => state.listRules().then((rules) => rules.length === 1, () => false));
  assert((await open().listOwners()).length === 1);
  await close();
}, {});

Deno.test(
  needing("RedisState keeps apart what has different prefixes", { "redis-server": REDIS_SERVER }),
  () =>
    withRedis({}, async (redis) => {
      const states = ["one:", "{two}:"].map((prefix) => openRedisState(redis.url(), { prefix }));
      for (const { state } of states.slice(0, 1)) await state.putRule(rule("door", PHONE), { max: 1 });
      assertEquals(await Promise.all(states.map(async ({ state }) => (await state.listRules()).length)), [1, 0]);
      const keys = await redis.command("KEYS", "*");
      assertEquals(Array.isArray(keys) && keys.map(String).toSorted(), [
        ...["one:state:mark", "one:state:push:rules", "{two}:state:mark"],
      ]);
      await Promise.all(states.map((one) => one.close()));
    }),
);

redisStateTest("enqueue() keeps times and texts exactly as they are", async (_, open) => {
  const state = open();
  await state.addSubscription(subscription("a", { created: 1796032800123 }), { max: 1 });
  const text = JSON.stringify({ title: 'Zoé \u{1f600} "\\/\n', body: "x".repeat(4000) });
  const added = message("a", text, { expires: 1796032800123.456, topic: "é[]{}" });
  await state.enqueue(batchOf(alert("x", { at: 1796032800123.25, json: text }), [added]), LIMITS);
  const [found] = (await state.claimMessages(1796032800123.4, 1)).due;
  const id = found?.id ?? 0;
  assertEquals(found, { ...added, id, attempts: 1, isShortened: false });
  await state.settleMessage(id, { type: "retry", at: 1796032800123.125 });
  assertEquals((await state.queueState()).next, 1796032800123.125);
  assertEquals(await state.listAlerts(PHONE, 0), [alert("x", { at: 1796032800123.25, json: text })]);
}, {});

Deno.test(needing("RedisState works in a cluster of three nodes", { "redis-server": REDIS_SERVER }), async () => {
  await using scope = new AsyncDisposableStack();
  const cluster = await startCluster(scope);
  for (const node of cluster.nodes) await node.command("CONFIG", "SET", "appendfsync", "always");
  const { state, close } = openRedisState(cluster.url, { prefix: "{e2eg}:" });
  scope.defer(close);
  await until("the cluster is connected", () => state.check().then(() => true, () => false));
  assertEquals([await state.claimUse("guest", 1), await state.claimUse("guest", 1)], [true, false]);
  await state.returnUse("guest");
  assertEquals(await state.readUses("guest"), 0);
  const pairing = { kid: "a", secret: new Uint8Array(32), name: "phone", record: undefined, expires: 1000 };
  await state.addPairing(pairing, { now: 0, max: 1 });
  assertEquals(await state.claimPairing("a", { now: 0, keepUntil: 9 }), true);
  await state.addSubscription(subscription("a"), { max: 1 });
  await state.putRule(rule("door"), { max: 1 });
  assertEquals((await state.whenAlone())?.aborted, false);
  const batch = { ...batchOf(alert("x"), [message("a", "text", { topic: "door" })], "{}"), isListened: true };
  assertEquals((await state.enqueue(batch, LIMITS)).queued, 1);
  const [{ id } = { id: 0 }] = (await state.claimMessages(20_000, 1)).due;
  assertEquals(await state.settleMessage(id, { type: "sent", now: 20_000 }), "settled");
  assertEquals([(await state.listAlerts(PHONE, 0)).length, await state.removeOwner(PHONE)], [1, 0]);
});
