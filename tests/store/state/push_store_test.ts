import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MemoryState } from "../../support/memory_state.ts";
import type { NewMessage, PushStore, SettledMessage } from "../../../src/store/state/push_store.ts";
import { batchOf } from "../../support/push_batch.ts";
import { needing } from "../../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../../support/redis_server.ts";
import { openRedisState } from "../../support/redis_state.ts";
import { inTempDir } from "../../support/temp_dir.ts";
import { testEachState } from "./each_state.ts";
import { openState } from "./open_state.ts";
import { alert, GUEST, LIMITS, message, PHONE, rule, subscription } from "./push_examples.ts";

/** Adds subscriptions with messages of these texts. */
async function fill(store: PushStore, ids: readonly string[], messages: readonly NewMessage[]): Promise<void> {
  for (const id of ids) await store.addSubscription(subscription(id), { max: 100 });
  await store.enqueue(batchOf(alert("filled"), messages), LIMITS);
}

/** Claims up to ten messages, and returns their texts. */
async function claimTexts(store: PushStore, now = 20_000): Promise<readonly string[]> {
  return (await store.claimMessages(now, 10)).due.map(({ text }) => text);
}

testEachState("PushStore has nothing at first", async (store) => {
  assertEquals(await store.listSubscriptions(), []);
  assertEquals(await store.listRules(), []);
  assertEquals(await store.listOwners(), []);
  assertEquals(await store.listAlerts(PHONE, 0), []);
  assertEquals(await store.readRuleStates(PHONE), undefined);
  assertEquals(await store.removeSubscription("a"), undefined);
  assertEquals(await store.removeRule(PHONE, "door"), false);
  assertEquals(await store.removeOwner(PHONE), 0);
  assertEquals(await store.claimMessages(0, 10), { due: [], expired: 0 });
  assertEquals(await store.settleMessage(1, { type: "sent", now: 0 }), "gone");
  assertEquals(await store.dropInterrupted(), 0);
  assertEquals(await store.whenAlone() !== undefined, store instanceof MemoryState);
  assertEquals(await store.queueState(), { length: 0, next: undefined });
});

testEachState("listSubscriptions() returns whole subscriptions, by time of creation", async (store) => {
  const late = subscription("a", { created: 9000, label: "Zoé's phone", kind: "unifiedpush" });
  const early = subscription("b", { ...GUEST, created: 2 ** 42, lastSuccess: 1, lastFailure: 2 });
  for (const one of [early, late]) assertEquals(await store.addSubscription(one, { max: 5 }), one.id);
  assertEquals(await store.listSubscriptions(), [late, early]);
});

testEachState(
  "addSubscription() keeps id and messages of the one with the same endpoint of the same key",
  async (store) => {
    const endpoint = "https://push.example/device";
    await fill(store, [], []);
    await store.addSubscription(subscription("a", { endpoint, lastFailure: 7 }), { max: 1 });
    await store.enqueue(batchOf(alert("x"), [message("a", "one")]), LIMITS);
    const again = subscription("b", { endpoint, kid: "fedcba9876543210", auth: "other", label: "new", created: 6000 });
    assertEquals(await store.addSubscription(again, { max: 1 }), "a");
    assertEquals(await store.listSubscriptions(), [{ ...again, id: "a" }]);
    assertEquals(await claimTexts(store), ["one"]);
    assertEquals(await store.addSubscription(subscription("c", { ...GUEST, endpoint }), { max: 1 }), "c");
  },
);

testEachState(
  "addSubscription() adds none beyond the limit of its key, also for an earlier key's name",
  async (store) => {
    for (const id of ["a", "b"]) assertEquals(await store.addSubscription(subscription(id), { max: 2 }), id);
    assertEquals(await store.addSubscription(subscription("c"), { max: 2 }), undefined);
    assertEquals(await store.addSubscription(subscription("d", { ...PHONE, keyCreated: 1 }), { max: 2 }), "d");
    assertEquals(await store.addSubscription(subscription("e", GUEST), { max: 2 }), "e");
    assertEquals((await store.listSubscriptions()).map(({ id }) => id), ["a", "b", "d", "e"]);
    await store.removeSubscription("a");
    assertEquals(await store.addSubscription(subscription("c"), { max: 2 }), "c");
  },
);

testEachState("addSubscription() ends the wait after a failed attempt", async (store) => {
  await fill(store, ["a"], [message("a", "one")]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  await store.settleMessage(id, { type: "retry", at: 90_000 });
  assertEquals(await claimTexts(store, 50_000), []);
  await store.addSubscription(subscription("a"), { max: 100 });
  assertEquals(await claimTexts(store, 50_000), ["one"]);
});

testEachState("removeSubscription() deletes its messages, and counts those that waited", async (store) => {
  const messages = ["one", "two", "three"].map((text) => message("a", text));
  await fill(store, ["a", "b"], [...messages, message("b", "other")]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  assertEquals([await store.removeSubscription("a"), await store.removeSubscription("a")], [2, undefined]);
  assertEquals(await store.settleMessage(id, { type: "retry", at: 0 }), "gone");
  assertEquals((await store.queueState()).length, 1);
  assertEquals(await claimTexts(store), ["other"]);
});

testEachState("putRule() replaces the rule of its name, and adds none beyond the limit of its key", async (store) => {
  assertEquals(await store.putRule(rule("b"), { max: 2 }), true);
  assertEquals(await store.putRule(rule("a"), { max: 2 }), true);
  assertEquals(await store.putRule(rule("c"), { max: 2 }), false);
  assertEquals(await store.putRule(rule("a", { json: "{}" }), { max: 2 }), true);
  assertEquals(await store.putRule(rule("a", GUEST), { max: 2 }), true);
  assertEquals(await store.listRules(), [rule("a", GUEST), rule("a", { json: "{}" }), rule("b")]);
  assertEquals([await store.removeRule(PHONE, "a"), await store.removeRule(PHONE, "a")], [true, false]);
  assertEquals(await store.removeRule({ ...PHONE, keyCreated: 1 }, "b"), false);
  assertEquals(await store.listRules(), [rule("a", GUEST), rule("b")]);
});

testEachState("enqueue() replaces the states of one key", async (store) => {
  await store.enqueue({ ...PHONE, alerts: [], isListened: false, ruleStates: "{}" }, LIMITS);
  await store.enqueue({ ...GUEST, alerts: [], isListened: false, ruleStates: '{"guest":1}' }, LIMITS);
  await store.enqueue({ ...PHONE, alerts: [], isListened: false, ruleStates: '{"door":1}' }, LIMITS);
  assertEquals([await store.readRuleStates(PHONE), await store.readRuleStates(GUEST)], ['{"door":1}', '{"guest":1}']);
  assertEquals(await store.readRuleStates({ ...PHONE, keyCreated: 1 }), undefined);
});

testEachState("removeOwner() removes all of a key and nothing of another one with its name", async (store) => {
  const earlier = { ...PHONE, keyCreated: 1 };
  for (const [owner, id] of [[PHONE, "a"], [GUEST, "b"], [earlier, "c"]] as const) {
    await store.addSubscription(subscription(id, owner), { max: 5 });
    await store.putRule(rule("door", owner), { max: 5 });
    await store.enqueue({ ...owner, alerts: [], isListened: false, ruleStates: "{}" }, LIMITS);
    await store.enqueue(batchOf(alert(id, owner), [message(id, id), message(id, "later")]), LIMITS);
  }
  assertEquals(await store.listOwners(), [GUEST, earlier, PHONE]);
  assertEquals([await store.removeOwner(PHONE), await store.removeOwner(PHONE)], [2, 0]);
  assertEquals(await store.listOwners(), [GUEST, earlier]);
  assertEquals((await store.listSubscriptions()).map(({ id }) => id), ["b", "c"]);
  assertEquals(await store.listRules(), [rule("door", GUEST), rule("door", earlier)]);
  assertEquals([await store.readRuleStates(PHONE), await store.readRuleStates(earlier)], [undefined, "{}"]);
  assertEquals([(await store.listAlerts(PHONE, 0)).length, (await store.listAlerts(earlier, 0)).length], [0, 1]);
  assertEquals(await claimTexts(store), ["b", "c"]);
});

testEachState("listOwners() lists a key that has only rules, states, alerts or subscriptions", async (store) => {
  await store.putRule(rule("door", { key: "rules" }), { max: 5 });
  await store.enqueue({ ...{ key: "states", keyCreated: 1 }, alerts: [], isListened: false, ruleStates: "{}" }, LIMITS);
  await store.enqueue(batchOf(alert("x", { key: "alerts" }), []), LIMITS);
  await store.addSubscription(subscription("a", { key: "subscriptions" }), { max: 5 });
  assertEquals((await store.listOwners()).map(({ key }) => key), ["alerts", "rules", "states", "subscriptions"]);
});

testEachState("setAbsences() keeps the time of those that stay absent", async (store) => {
  assertEquals(await store.setAbsences([], 1), []);
  await store.addSubscription(subscription("a"), { max: 5 });
  const [phone, secret, guest] = [{ ...PHONE, kid: "" }, { ...PHONE, kid: "0123456789abcdef" }, { ...GUEST, kid: "" }];
  assertEquals(await store.setAbsences([phone, secret], 10), [10, 10]);
  assertEquals(await store.setAbsences([secret, guest, phone], 20), [10, 20, 10]);
  assertEquals(await store.setAbsences([secret, guest, phone], 30), [10, 20, 10]);
  assertEquals(await store.setAbsences([guest], 30), [20]);
  assertEquals(await store.setAbsences([{ ...PHONE, keyCreated: 1, kid: "" }, phone], 40), [40, 40]);
});

testEachState("setAbsences() begins again after the clock was set back", async (store) => {
  await store.addSubscription(subscription("a"), { max: 5 });
  const phone = { ...PHONE, kid: "" };
  const secret = { ...PHONE, kid: "0123456789abcdef" };
  await store.setAbsences([secret], 10);
  await store.setAbsences([phone, secret], 1000);
  assertEquals(await store.setAbsences([phone, secret], 20), [20, 10]);
  assertEquals(await store.setAbsences([phone, secret], 30), [20, 10]);
});

testEachState(
  "listAlerts() returns the alerts of a key after a time, the oldest first and no more than kept",
  async (store) => {
    for (const at of [1, 2, 3, 4]) {
      await store.enqueue(batchOf(alert(`${at}`, { at }), []), { ...LIMITS, maxAlerts: 3 });
      await store.enqueue(batchOf(alert(`${at}`, { ...GUEST, at }), []), LIMITS);
    }
    assertEquals(await store.listAlerts(PHONE, 0), [2, 3, 4].map((at) => alert(`${at}`, { at })));
    assertEquals((await store.listAlerts(PHONE, 3)).map(({ at }) => at), [4]);
    assertEquals((await store.listAlerts(GUEST, 0)).length, 4);
  },
);

testEachState("claimMessages() returns whole messages with the attempts, in their order", async (store) => {
  await fill(store, ["a", "b"], [
    message("a", "one", { urgency: "low", topic: "door", alert: "x", expires: 90_000 }),
    message("b", "two", { urgency: "very-low" }),
  ]);
  const { due, expired } = await store.claimMessages(20_000, 10);
  const [first, second] = due.map(({ id }) => id);
  assert(first !== undefined && second !== undefined && first < second);
  const common = { attempts: 1, isShortened: false };
  assertEquals({ due, expired }, {
    due: [
      { ...message("a", "one", { urgency: "low", topic: "door", alert: "x", expires: 90_000 }), id: first, ...common },
      { ...message("b", "two", { urgency: "very-low" }), id: second, ...common },
    ],
    expired: 0,
  });
  assertEquals(await claimTexts(store), []);
});

testEachState(
  "claimMessages() marks the oldest message of each subscription, once none of it is being sent",
  async (store) => {
    await fill(store, ["a", "b", "c"], ["a", "b", "c"].flatMap((to) => [message(to, `${to}1`), message(to, `${to}2`)]));
    const { due } = await store.claimMessages(20_000, 2);
    assertEquals(due.map(({ text }) => text), ["a1", "b1"]);
    assertEquals(await claimTexts(store), ["c1"]);
    for (const { id } of due) assertEquals(await store.settleMessage(id, { type: "sent", now: 20_001 }), "settled");
    assertEquals(await claimTexts(store), ["a2", "b2"]);
  },
);

testEachState("oldestMessage() returns the time at which the oldest message was added", async (store) => {
  assertEquals(await store.oldestMessage(), undefined);
  await store.addSubscription(subscription("a"), { max: 5 });
  for (const now of [11_000, 12_000]) {
    await store.enqueue(batchOf(alert("x"), [message("a", "one")]), { ...LIMITS, now });
  }
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  assertEquals(await store.oldestMessage(), 11_000);
  await store.settleMessage(id, { type: "sent", now: 20_000 });
  assertEquals(await store.oldestMessage(), 12_000);
});

testEachState("claimMessages() and queueState() leave out the messages of given subscriptions", async (store) => {
  await fill(store, ["a", "b"], [message("a", "a1"), message("b", "b1")]);
  assertEquals((await store.claimMessages(20_000, 10, ["a", "unknown"])).due.map(({ text }) => text), ["b1"]);
  assertEquals(await store.queueState(["a"]), { length: 2, next: undefined });
  assertEquals((await store.queueState([])).next, 0);
  assertEquals(await claimTexts(store), ["a1"]);
});

testEachState("claimMessages() deletes expired messages, except those that are being sent", async (store) => {
  await fill(store, ["a", "b"], [
    message("a", "sending", { expires: 30_000 }),
    message("a", "expired", { expires: 30_000 }),
    message("a", "lasting", { expires: 30_001 }),
    message("b", "first", { expires: 29_000 }),
    message("b", "second"),
  ]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  const { due, expired } = await store.claimMessages(30_000, 10);
  assertEquals([due.map(({ text }) => text), expired], [["second"], 2]);
  assertEquals(await store.settleMessage(id, { type: "sent", now: 30_000 }), "settled");
  assertEquals(await claimTexts(store, 30_000), ["lasting"]);
});

testEachState("settleMessage() deletes a message that was sent or given up, and notes the time", async (store) => {
  await fill(store, ["a", "b"], [message("a", "one"), message("b", "two")]);
  const [sent, dropped] = (await store.claimMessages(20_000, 2)).due.map(({ id }) => id);
  assertEquals(await store.settleMessage(sent ?? 0, { type: "sent", now: 20_100 }), "settled");
  assertEquals(await store.settleMessage(dropped ?? 0, { type: "dropped", now: 20_200 }), "settled");
  assertEquals(await store.settleMessage(sent ?? 0, { type: "sent", now: 20_300 }), "gone");
  const times = (await store.listSubscriptions()).map(({ lastSuccess, lastFailure }) => [lastSuccess, lastFailure]);
  assertEquals(times, [[20_100, undefined], [undefined, 20_200]]);
  assertEquals(await store.queueState(), { length: 0, next: undefined });
});

testEachState("settleMessage() ends only an attempt that is under way", async (store) => {
  await fill(store, ["a"], [message("a", "one")]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  await store.settleMessage(id, { type: "retry", at: 20_000 });
  assertEquals(await store.settleMessage(id, { type: "sent", now: 20_000 }), "gone");
  assertEquals((await store.queueState()).length, 1);
});

testEachState("settleMessage() lets a message wait again, and the later ones of its subscription", async (store) => {
  await fill(store, ["a", "b"], [message("a", "long text"), message("a", "later"), message("b", "other")]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  assertEquals(await store.settleMessage(id, { type: "retry", at: 25_000.5, shortened: "short" }), "settled");
  assertEquals(await claimTexts(store, 25_000), ["other"]);
  const [again] = (await store.claimMessages(25_001, 10)).due;
  assertEquals([again?.text, again?.attempts, again?.isShortened], ["short", 2, true]);
  await store.settleMessage(id, { type: "retry", at: 26_000 });
  const [last] = (await store.claimMessages(26_000, 10)).due;
  assertEquals([last?.text, last?.attempts, last?.isShortened], ["short", 3, true]);
  await store.settleMessage(id, { type: "sent", now: 26_000 });
  assertEquals(await claimTexts(store, 26_000), ["later"]);
});

testEachState("enqueue() replaces waiting messages of the same subscription and topic", async (store) => {
  const topic = "door";
  await fill(store, ["a", "b"], [
    message("a", "old", { topic }),
    message("a", "other topic", { topic: "window" }),
    message("a", "no topic"),
    message("b", "other device", { topic }),
  ]);
  const added = [message("a", "new", { topic }), message("a", "no topic either")];
  assertEquals(await store.enqueue(batchOf(alert("x"), added), LIMITS), { queued: 2, replaced: 1, refused: 0 });
  assertEquals((await store.queueState()).length, 5);
  assertEquals(await claimTexts(store), ["other topic", "other device"]);
});

testEachState("enqueue() leaves a message that is being sent; one that fails then is replaced", async (store) => {
  const topic = "door";
  await fill(store, ["a"], [message("a", "old", { topic })]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(20_000, 1)).due;
  const result = await store.enqueue(batchOf(alert("x"), [message("a", "new", { topic })]), LIMITS);
  assertEquals(result, { queued: 1, replaced: 0, refused: 0 });
  assertEquals(await store.settleMessage(id, { type: "retry", at: 21_000 }), "replaced");
  assertEquals([await claimTexts(store, 20_999), await claimTexts(store, 21_000)], [[], ["new"]]);
});

testEachState("enqueue() refuses the newest message beyond a limit, and keeps those that wait", async (store) => {
  const limits = { ...LIMITS, maxPerSubscription: 2, max: 3 };
  for (const id of ["a", "b"]) await store.addSubscription(subscription(id), { max: 5 });
  const toFirst = ["a1", "a2", "a3"].map((text) => message("a", text));
  assertEquals(await store.enqueue(batchOf(alert("x"), toFirst), limits), { queued: 2, replaced: 0, refused: 1 });
  const toSecond = ["b1", "b2"].map((text) => message("b", text));
  assertEquals(await store.enqueue(batchOf(alert("y"), toSecond), limits), { queued: 1, replaced: 0, refused: 1 });
  // The one that is being sent counts.
  assertEquals(await claimTexts(store), ["a1", "b1"]);
  assertEquals((await store.enqueue(batchOf(alert("z"), [message("a", "a4")]), limits)).refused, 1);
  assertEquals((await store.listAlerts(PHONE, 0)).map(({ id }) => id), ["x", "y", "z"]);
});

testEachState("enqueue() adds a message with the topic of one that waits, also at the limit", async (store) => {
  const limits = { ...LIMITS, maxPerSubscription: 1, max: 1 };
  await fill(store, ["a"], [message("a", "old", { topic: "door" })]);
  const added = [message("a", "new", { topic: "door" })];
  assertEquals(await store.enqueue(batchOf(alert("x"), added), limits), { queued: 1, replaced: 1, refused: 0 });
  assertEquals(await claimTexts(store), ["new"]);
});

testEachState("enqueue() leaves out messages for a subscription that is not there", async (store) => {
  await fill(store, ["a"], []);
  const result = await store.enqueue(batchOf(alert("x"), [message("b", "lost"), message("a", "one")]), LIMITS);
  assertEquals(result, { queued: 1, replaced: 0, refused: 0 });
  await store.addSubscription(subscription("b"), { max: 5 });
  assertEquals(await claimTexts(store), ["one"]);
});

testEachState("claimMessages() does not wait for a clock that was set back", async (store) => {
  await fill(store, ["a"], [message("a", "one", { expires: 1e13 })]);
  const [{ id } = { id: 0 }] = (await store.claimMessages(1e12, 1)).due;
  await store.settleMessage(id, { type: "retry", at: 1e12 + 5000.5 });
  assertEquals(await claimTexts(store, 1e12 + 5000), []);
  assertEquals(await claimTexts(store, 5e11), ["one"]);
});

testEachState("queueState() returns the time of the next attempt, and none while all are being sent", async (store) => {
  await fill(store, ["a", "b"], [message("a", "a1"), message("a", "a2"), message("b", "b1")]);
  const { length, next } = await store.queueState();
  assert(length === 3 && next !== undefined && next <= 20_000);
  const [first, second] = (await store.claimMessages(20_000, 2)).due.map(({ id }) => id);
  assertEquals(await store.queueState(), { length: 3, next: undefined });
  await store.settleMessage(second ?? 0, { type: "retry", at: 40_000 });
  await store.settleMessage(first ?? 0, { type: "retry", at: 30_000 });
  assertEquals(await store.queueState(), { length: 3, next: 30_000 });
});

/** Opens two handles of one empty store, as two processes have them. */
type OpenPair = (run: number) => readonly [Handle, Handle];

/** Store, and a function that closes it. */
interface Handle {
  readonly state: PushStore;
  close(): Promise<void>;
}

/** Checks that a store behaves like the one in memory, whatever the order and the handle. */
async function assertLikeMemory(openPair: OpenPair): Promise<void> {
  const id = fc.constantFrom("a", "b", "c");
  const topic = fc.constantFrom(undefined, "door", "é");
  const small = fc.integer({ min: 1, max: 3 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("subscribe" as const), id, again: fc.boolean(), max: small }),
    fc.record({ kind: fc.constant("unsubscribe" as const), id }),
    fc.record({
      kind: fc.constant("enqueue" as const),
      messages: fc.array(fc.record({ to: id, topic, ttl: fc.integer({ min: -1, max: 9 }) }), { maxLength: 4 }),
      limits: fc.record({ maxPerSubscription: small, max: fc.integer({ min: 1, max: 6 }), maxAlerts: small }),
    }),
    fc.record({ kind: fc.constant("claim" as const), max: small }),
    fc.record({
      kind: fc.constant("settle" as const),
      message: fc.nat({ max: 9 }),
      type: fc.constantFrom("sent" as const, "dropped" as const, "retry" as const),
      wait: fc.double({ min: 0, max: 5, noNaN: true }),
    }),
    fc.record({ kind: fc.constant("wait" as const), ms: small }),
    fc.record({ kind: fc.constant("removeOwner" as const) }),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      run += 1;
      // One handle sends, the other one does everything else.
      const handles = openPair(run);
      const [{ state: sender }, { state: other }] = handles;
      const model = new MemoryState();
      // The numbers of messages in each store, by the order of their claims.
      const claimed = new Map<PushStore, number[]>([[sender, []], [model, []]]);
      let now = 0;
      const apply = async (writer: PushStore, store: PushStore, one: (typeof steps)[number]): Promise<unknown> => {
        switch (one.kind) {
          case "subscribe": {
            const { id, again, max } = one;
            // Another id with the same endpoint; ids are random, so none comes with two endpoints.
            const added = subscription(again ? `${id}2` : id, { endpoint: id, created: now });
            return await writer.addSubscription(added, { max });
          }
          case "unsubscribe":
            return await writer.removeSubscription(one.id);
          case "enqueue": {
            const messages = one.messages.map(({ to, topic, ttl }, index) =>
              message(to, `${now}-${index}`, { topic, expires: now + ttl })
            );
            return await writer.enqueue(batchOf(alert(`${now}`, { at: now }), messages), { now, ...one.limits });
          }
          case "claim": {
            const { due, expired } = await store.claimMessages(now, one.max);
            claimed.get(store)?.push(...due.map(({ id }) => id));
            return { due: due.map((message) => ({ ...message, id: undefined })), expired };
          }
          case "settle": {
            const { type, wait } = one;
            const outcome: SettledMessage = type === "retry" ? { type, at: now + wait } : { type, now };
            const found = claimed.get(store)?.[one.message];
            return found === undefined ? undefined : await store.settleMessage(found, outcome);
          }
          case "removeOwner":
            return await writer.removeOwner(PHONE);
          case "wait":
            return undefined;
        }
      };
      try {
        for (const one of steps) {
          if (one.kind === "wait") now += one.ms;
          assertEquals(await apply(other, sender, one), await apply(model, model, one));
          assertEquals(await other.queueState(), await model.queueState());
          assertEquals(await other.oldestMessage(), await model.oldestMessage());
          assertEquals(await sender.listSubscriptions(), await model.listSubscriptions());
          assertEquals(await sender.listAlerts(PHONE, -1), await model.listAlerts(PHONE, -1));
        }
        assertEquals(await sender.dropInterrupted(), 0);
      } finally {
        for (const handle of handles) await handle.close();
      }
    }),
    { numRuns: 25 },
  );
}

Deno.test("SqliteState keeps push messages like the store in memory, whatever the order and the handle", () =>
  inTempDir((folder) => {
    const open = (run: number) => {
      const state = openState(`${folder}/${run}.db`);
      return { state, close: () => state.close() };
    };
    return assertLikeMemory((run) => [open(run), open(run)]);
  }));

Deno.test(
  needing("RedisState keeps push messages like the store in memory, whatever the order and the handle", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis({}, (redis) => {
      const open = (run: number) => openRedisState(redis.url(), { prefix: `${run}:` });
      return assertLikeMemory((run) => [open(run), open(run)]);
    }),
);
