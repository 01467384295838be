import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ScopeError } from "../../src/keys/rights.ts";
import { AlertEngine } from "../../src/push/alert_engine.ts";
import { parseNotification } from "../../src/protocol/push/notification.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { MemoryPush } from "../support/memory_push.ts";
import type { StoredSubscription } from "../../src/store/state/push_store.ts";
import { AlertCounts, FakeKeys, FakeSource } from "../support/alerts.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { ruleWith } from "../support/push_rules.ts";
import { settle } from "../support/settle.ts";

const ownerOf = (key: string, keyCreated = 1) => ({ key, keyCreated });

/** Starts an engine with its collaborators; a second one on the same store is a restart. */
async function makeEngine(store = new MemoryPush(), keys = new FakeKeys()) {
  const source = new FakeSource();
  const clock = new ManualClock();
  clock.pass(1000);
  const telemetry = new AlertCounts();
  const logged: string[] = [];
  const write = (text: string) => void logged.push(text);
  let woken = 0;
  const engine = new AlertEngine({
    ...{ store, keys, clock, telemetry, randomBytes, random: () => 0 },
    onQueued: () => void woken++,
    log: { debug: write, info: write, warn: write, error: write },
  });
  await engine.start({
    sources: [source],
    actionLabel: (name, scope) => name === "bell" && scope.hasService("fake") ? "Ring" : undefined,
  });
  await settle();
  return {
    ...{ store, keys, source, clock, telemetry, logged, engine },
    woken: () => woken,
    /** Sets a rule, as the service does. */
    async put(key: string, fields: Readonly<Record<string, unknown>> = {}) {
      const sent = { name: "rule", source: { topics: ["a"] }, condition: { type: "any" }, title: "{topic}", ...fields };
      await store.putRule({ ...ownerOf(key), name: String(sent.name), json: JSON.stringify(sent) }, { max: 50 });
      await engine.refresh();
      await settle();
    },
    async subscribe(key: string, id: string, kid = key, created = clock.now()): Promise<StoredSubscription> {
      const subscription = {
        ...{ ...ownerOf(key), id, kid, endpoint: `https://push.example/${id}`, p256dh: "p", auth: "a" },
        ...{ kind: "web", created } as const,
      };
      await store.addSubscription(subscription, { max: 5 });
      return subscription;
    },
    /** Returns the bodies of the recent alerts of a key. */
    async alerts(key: string) {
      await settle(500);
      return (await store.listAlerts(ownerOf(key), 0)).map(({ json }) => parseNotification(json)?.body);
    },
    /** Returns the waiting messages: subscription, and body. */
    async messages() {
      await settle();
      const { due } = await store.claimMessages(clock.now(), 100);
      return due.map(({ subscription, text }) => `${subscription} ${parseNotification(text)?.body}`).sort();
    },
  };
}

Deno.test("AlertEngine queues a message for each subscription of the key whose rule alerts", async () => {
  const { keys, source, put, subscribe, store, clock, engine, telemetry, woken } = await makeEngine();
  keys.set("phone", ["#"]);
  keys.set("tablet", ["#"]);
  for (const [key, id] of [["phone", "p1"], ["phone", "p2"], ["tablet", "t1"]] as const) await subscribe(key, id);
  await put("phone", { urgency: "high", topic: "door", ttlSeconds: 0, actions: ["bell", "other"] });
  source.send("a", "open");
  await settle();
  const { due } = await store.claimMessages(clock.now(), 100);
  assertEquals(due.map(({ subscription, urgency, topic, expires }) => [subscription, urgency, topic, expires]), [
    ["p1", "high", "door", 31_000],
    ["p2", "high", "door", 31_000],
  ]);
  const [listed] = await store.listAlerts(ownerOf("phone"), 0);
  const { id: _id, ...notification } = parseNotification(listed?.json ?? "") ?? {};
  assertEquals(notification, {
    ...{ title: "a", body: "open", rule: "rule", subject: "a", urgency: "high", tag: "rule a", timestamp: 1 },
    actions: [{ name: "bell", label: "Ring" }],
  });
  assertEquals(due.map(({ text }) => parseNotification(text)?.kid), ["phone", "phone"]);
  assertEquals([telemetry.counts, woken(), engine.size], [{ queued: 2 }, 1, 1]);
  await engine.stop();
});

Deno.test("AlertEngine alerts nothing twice after a restart, and nothing for retained messages", async () => {
  const first = await makeEngine();
  first.keys.set("phone", ["#"]);
  await first.put("phone", { condition: { type: "equals", text: "open", once: true } });
  first.source.send("a", "closed", { isRetained: true });
  first.source.send("a", "open");
  assertEquals(await first.alerts("phone"), ["open"]);
  // Not stopped: the state is stored with the alert.
  const second = await makeEngine(first.store, first.keys);
  second.source.send("a", "open", { isRetained: true });
  second.source.send("a", "open");
  second.source.send("a", "closed");
  assertEquals(await second.alerts("phone"), ["open"]);
  await second.engine.stop();
  const third = await makeEngine(first.store, first.keys);
  third.source.send("a", "open");
  assertEquals(await third.alerts("phone"), ["open", "open"]);
  await third.engine.stop();
});

Deno.test("AlertEngine stores states without an alert after a while", async () => {
  const { keys, source, put, clock, store, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  await put("phone", { condition: { type: "changed" } });
  source.send("a", "1");
  assertEquals(await store.readRuleStates(ownerOf("phone")), undefined);
  clock.pass(10_000);
  await settle();
  assertEquals((await store.readRuleStates(ownerOf("phone")))?.includes('"=1"'), true);
  await engine.stop();
  assertEquals(clock.timers, 0);
});

Deno.test("AlertEngine passes nothing beyond the rights of a key, as they are at the time of each event", async () => {
  const { keys, source, put, alerts, engine } = await makeEngine();
  keys.set("guest", ["a", "b"]);
  await put("guest", { source: { topics: ["a", "b", "safe", "#"] } });
  assertEquals(source.selections, [["a", "b"]]);
  source.send("safe", "1");
  source.send("a", "2");
  await settle();
  keys.set("guest", ["b"]);
  source.send("a", "3");
  source.send("b", "4");
  await settle();
  source.send("a", "5");
  source.send("b", "5");
  assertEquals(await alerts("guest"), ["2", "4", "5"]);
  keys.set("guest", undefined);
  source.send("b", "6");
  await settle();
  assertEquals(source.connections.size, 0);
  keys.set("guest", ["b"]);
  await settle();
  source.send("b", "7");
  assertEquals(await alerts("guest"), ["2", "4", "5", "7"]);
  await engine.stop();
});

Deno.test("AlertEngine drops an alert whose key changes before it is queued", async () => {
  const { keys, source, put, alerts, telemetry, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  await put("phone");
  source.send("a", "1");
  keys.set("phone", undefined);
  assertEquals([await alerts("phone"), telemetry.counts], [[], { "dropped key": 1 }]);
  await engine.stop();
});

Deno.test("AlertEngine removes what belongs to keys that are gone, and subscriptions of other secrets", async () => {
  const { keys, source, put, subscribe, store, telemetry, clock, engine } = await makeEngine();
  clock.pass(60_000);
  keys.set("phone", ["#"]);
  keys.set("guest", ["#"]);
  const [old, other] = [await subscribe("phone", "p1"), await subscribe("guest", "g1")];
  await put("phone");
  await put("guest");
  assertEquals([engine.isInForce(old), engine.isInForce(other)], [true, true]);
  source.send("a", "1");
  await settle();
  keys.set("phone", ["#"], { kid: "phone2" });
  keys.remove("guest");
  assertEquals([engine.isInForce(old), engine.isInForce(other)], [false, false]);
  await settle();
  assertEquals(await store.listSubscriptions(), []);
  assertEquals((await store.listRules()).map(({ key }) => key), ["phone"]);
  assertEquals([await store.listAlerts(ownerOf("guest"), 0), telemetry.counts], [[], { queued: 2, "dropped key": 2 }]);
  // Another key with the same name.
  await subscribe("phone", "p2", "phone2");
  keys.set("phone", ["#"], { kid: "phone3", created: 2 });
  await settle();
  assertEquals([await store.listOwners(), engine.size, source.connections.size], [[], 0, 0]);
  await engine.stop();
});

/** Time for which what a missing key owns is kept, in milliseconds. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

Deno.test("AlertEngine keeps what belongs to keys whose file is missing, and sends them nothing", async () => {
  for (const isAtStart of [true, false]) {
    const first = await makeEngine();
    first.keys.set("phone", ["#"]);
    const subscription = await first.subscribe("phone", "p1");
    await first.put("phone");
    first.source.send("a", "1");
    assertEquals(await first.alerts("phone"), ["1"]);
    if (!isAtStart) first.keys.lose();
    else await first.engine.stop();
    const later = isAtStart ? await makeEngine(first.store) : first;
    const { store, keys, source, clock, engine, logged, telemetry, put } = later;
    keys.hasKeysFile = false;
    keys.set("default", ["#"]);
    await settle();
    source.send("a", "2");
    assertEquals([engine.isInForce(subscription), source.connections.size], [false, 0]);
    assertEquals([(await store.listSubscriptions()).length, (await store.listRules()).length], [1, 1]);
    assertEquals([await later.alerts("phone"), telemetry.counts["dropped key"]], [["1"], undefined]);
    assertEquals(logged.filter((line) => line.includes("deleted after 30 days")).length, 1);
    clock.pass(KEPT_MS - 1000);
    await put("default");
    assertEquals((await store.listSubscriptions()).length, 1);
    // The key is there again: the time begins anew when it is missing the next time.
    keys.hasKeysFile = true;
    keys.set("phone", ["#"]);
    await settle();
    source.send("a", "3");
    assertEquals([engine.isInForce(subscription), await later.alerts("phone")], [true, ["1", "3"]]);
    keys.lose();
    await settle();
    clock.pass(KEPT_MS - 1);
    await settle();
    assertEquals((await store.listSubscriptions()).length, 1);
    clock.pass(10_000);
    await settle();
    assertEquals(await store.listOwners(), []);
    await engine.stop();
  }
});

Deno.test("AlertEngine deletes what belongs to a key that was removed while no gateway ran, 30 days later", async () => {
  const first = await makeEngine();
  first.keys.set("phone", ["#"]);
  const subscription = await first.subscribe("phone", "p1");
  await first.put("phone");
  await first.engine.stop();
  const { store, clock, engine } = await makeEngine(first.store);
  assertEquals([engine.isInForce(subscription), (await store.listOwners()).length], [false, 1]);
  clock.pass(KEPT_MS);
  await settle();
  assertEquals(await store.listOwners(), []);
  await engine.stop();
});

Deno.test("AlertEngine removes what belongs to a key once its file is there again without it", async () => {
  const { keys, subscribe, put, store, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  await subscribe("phone", "p1");
  await put("phone");
  keys.lose();
  await settle();
  assertEquals((await store.listOwners()).length, 1);
  keys.hasKeysFile = true;
  keys.set("guest", ["#"]);
  await settle();
  assertEquals(await store.listOwners(), []);
  await engine.stop();
});

Deno.test("AlertEngine keeps the devices of a key with another secret, unless it saw the change", async () => {
  for (const name of ["phone", "default"]) {
    const first = await makeEngine();
    first.keys.set(name, ["#"], { kid: "old" });
    const subscription = await first.subscribe(name, "d1", "old");
    await first.put(name);
    await first.engine.stop();
    const keys = new FakeKeys();
    keys.set(name, ["#"], { kid: "new" });
    const { store, engine } = await makeEngine(first.store, keys);
    assertEquals([engine.isInForce(subscription), (await store.listSubscriptions()).length], [false, 1]);
    keys.set(name, ["#"], { kid: "old" });
    assertEquals(engine.isInForce(subscription), true);
    keys.set(name, ["#"], { kid: "new" });
    await settle();
    assertEquals(await store.listSubscriptions(), []);
    await store.addSubscription(subscription, { max: 5 });
    await engine.stop();
    const last = await makeEngine(first.store, keys);
    assertEquals((await store.listSubscriptions()).length, 1);
    last.clock.pass(KEPT_MS);
    await last.put(name);
    assertEquals((await store.listSubscriptions()).length, 0);
    await last.engine.stop();
  }
});

Deno.test("AlertEngine removes the devices of a key that was rotated while no gateway ran, but not of the key default", async () => {
  for (const [name, left] of [["phone", 0], ["default", 1]] as const) {
    const first = await makeEngine();
    first.keys.set(name, ["#"], { kid: "old" });
    await first.subscribe(name, "p1", "old", first.clock.now() - 1);
    await first.put(name);
    await first.engine.stop();
    const keys = new FakeKeys();
    keys.set(name, ["#"], { kid: "new" });
    const { store, engine } = await makeEngine(first.store, keys);
    assertEquals([(await store.listSubscriptions()).length, (await store.listRules()).length], [left, 1]);
    await engine.stop();
  }
});

Deno.test("AlertEngine keeps what belongs to a new key or secret that another gateway has read before", async () => {
  const { keys, subscribe, store, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  const early = await subscribe("phone", "p1", "new secret");
  const other = await subscribe("tablet", "t1");
  await engine.refresh();
  assertEquals([engine.isInForce(early), engine.isInForce(other)], [false, false]);
  keys.set("phone", ["#"], { kid: "new secret" });
  keys.set("tablet", ["#"]);
  await settle();
  assertEquals([engine.isInForce(early), engine.isInForce(other)], [true, true]);
  assertEquals((await store.listSubscriptions()).length, 2);
  await engine.stop();
});

Deno.test("AlertEngine keeps what belongs to a key default whose file disappears", async () => {
  const { keys, put, store, engine } = await makeEngine();
  keys.set("default", ["#"]);
  await put("default");
  keys.remove("default");
  await settle();
  assertEquals((await store.listOwners()).length, 1);
  await engine.stop();
});

Deno.test("AlertEngine keeps the subscriptions of a disabled key", async () => {
  const { keys, put, subscribe, store, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  const subscription = await subscribe("phone", "p1");
  await put("phone");
  keys.set("phone", undefined);
  await settle();
  assertEquals([engine.isInForce(subscription), (await store.listSubscriptions()).length, engine.size], [false, 1, 1]);
  await engine.stop();
});

Deno.test("AlertEngine limits the rate of each key, and counts what it drops", async () => {
  const { keys, source, put, alerts, telemetry, clock, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  keys.set("tablet", ["#"]);
  await put("phone", { source: { topics: ["a", "b"] } });
  await put("tablet", { source: { topics: ["b"] } });
  for (let count = 0; count < 35; count++) source.send("a", String(count));
  source.send("b", "b");
  clock.pass(2000);
  source.send("a", "later");
  assertEquals([(await alerts("phone")).length, await alerts("tablet")], [31, ["b"]]);
  assertEquals(telemetry.counts, { "dropped rate": 6 });
  await engine.stop();
});

Deno.test("sendTest() reaches its subscription alone", async () => {
  const { keys, subscribe, messages, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  const [first] = [await subscribe("phone", "p1"), await subscribe("phone", "p2")];
  await engine.refresh();
  engine.sendTest(first);
  assertEquals(await messages(), ["p1 Push messages of the gateway reach this device."]);
  const more = Array.from({ length: 40 }, () => engine.sendTest(first));
  assertEquals(more.filter((isQueued) => isQueued).length, 29, "tests have the rate of alerts");
  await engine.stop();
});

Deno.test("authorize() refuses what the key may not receive or run, and sourcesOf() lists what it may", async () => {
  const { keys, engine } = await makeEngine();
  keys.set("guest", ["a"]);
  const scope = keys.list()[0]?.grant?.scope;
  if (scope === undefined) throw new Error("Not set");
  engine.authorize(ruleWith({ actions: ["bell"] }), scope);
  assertEquals(engine.sourcesOf(scope), ["topics"]);
  for (
    const [fields, message] of [
      [{ source: { topics: ["#"] } }, "subscribe to #"],
      [{ source: { health: ["*"] } }, "use alerts of health"],
      [{ actions: ["other"] }, "have a button for the action other"],
    ] as const
  ) assertThrows(() => engine.authorize(ruleWith(fields), scope), ScopeError, message);
  await engine.stop();
});

Deno.test("AlertEngine goes on after failures of the store, and leaves rules that it cannot read alone", async () => {
  const store = new MemoryPush();
  const failing = { isOn: true };
  const { listRules } = store;
  store.listRules = () => failing.isOn ? Promise.reject(new Error("full")) : listRules.call(store);
  await store.putRule({ ...ownerOf("phone"), name: "later", json: '{"name":"later","new":1}' }, { max: 50 });
  const { keys, source, put, alerts, logged, telemetry, engine } = await makeEngine(store);
  assertEquals(logged, ["Rules of alerts cannot be read: {reason}"]);
  failing.isOn = false;
  keys.set("phone", ["#"]);
  await put("phone");
  const { enqueue } = store;
  store.enqueue = () => Promise.reject(new Error("full"));
  source.send("a", "1");
  assertEquals([await alerts("phone"), telemetry.counts], [[], { "dropped store": 1 }]);
  store.enqueue = enqueue;
  source.send("a", "2");
  assertEquals([await alerts("phone"), (await store.listRules()).length], [["2"], 2]);
  await engine.stop();
});

Deno.test("AlertEngine listens once no other process does, with the rules and states that it left", async () => {
  const first = await makeEngine();
  first.keys.set("phone", ["#"]);
  await first.put("phone", { condition: { type: "equals", text: "open", once: true } });
  const alone = Promise.withResolvers<AbortSignal>();
  const lost = new AbortController();
  first.store.whenAlone = () => alone.promise;
  const second = await makeEngine(first.store, first.keys);
  assertEquals([first.source.connections.size, second.source.connections.size], [1, 0]);
  for (const { source } of [first, second]) source.send("a", "open");
  assertEquals(await second.alerts("phone"), ["open"]);
  // A request to the second process: the first one sees it after a while.
  await second.put("phone", { name: "later", source: { topics: ["b"] } });
  assertEquals(first.engine.size, 1);
  first.clock.pass(10_000);
  await settle();
  for (const { source } of [first, second]) source.send("b", "later");
  assertEquals([await second.alerts("phone"), first.engine.size], [["open", "later"], 2]);
  await first.engine.stop();
  alone.resolve(lost.signal);
  await settle();
  second.source.send("a", "open");
  second.source.send("b", "again");
  assertEquals(await second.alerts("phone"), ["open", "later", "again"]);
  await second.engine.stop();
  assertEquals(second.clock.timers, 0);
});

Deno.test("AlertEngine listens no more once another process may, and again after that one, with its states", async () => {
  const { keys, source, put, store, alerts, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  let lost = new AbortController();
  const alone = [Promise.resolve(lost.signal), Promise.withResolvers<AbortSignal>().promise];
  store.whenAlone = () => alone.shift() ?? Promise.resolve(undefined);
  await put("phone", { condition: { type: "changed" } });
  await settle();
  source.send("a", "0");
  source.send("a", "1");
  assertEquals([await alerts("phone"), source.connections.size], [["1"], 1]);
  const again = Promise.withResolvers<AbortSignal>();
  alone.splice(0, alone.length, again.promise);
  lost.abort();
  await settle();
  assertEquals(source.connections.size, 0);
  lost = new AbortController();
  again.resolve(lost.signal);
  await settle();
  assertEquals(source.connections.size, 1);
  source.send("a", "1");
  source.send("a", "2");
  assertEquals(await alerts("phone"), ["1", "2"]);
  await engine.stop();
});

Deno.test("AlertEngine stores the states of rules with the alerts that they are about, and with no others", async () => {
  const { keys, source, put, store, telemetry, engine } = await makeEngine();
  keys.set("phone", ["#"]);
  await put("phone", { condition: { type: "changed" } });
  source.send("a", "0");
  const { enqueue } = store;
  const texts: string[][] = [];
  store.enqueue = async (batch, limits) => {
    const { ruleStates = "", alerts } = batch;
    texts.push([...alerts.map(({ json }) => parseNotification(json)?.body ?? ""), JSON.parse(ruleStates).states[0][1]]);
    // Events that come meanwhile.
    if (texts.length === 1) source.send("a", "3");
    return await enqueue.call(store, batch, limits);
  };
  source.send("a", "1");
  source.send("a", "2");
  await settle(500);
  assertEquals(texts, [["1", "2", "=2"], ["3", "=3"]]);
  store.enqueue = () => Promise.reject(new Error("full"));
  source.send("a", "4");
  await settle(500);
  store.enqueue = enqueue;
  await engine.stop();
  assertEquals([(await store.readRuleStates(ownerOf("phone")))?.includes("=4"), telemetry.counts], [true, {
    "dropped store": 1,
  }]);
});

Deno.test("AlertEngine evaluates no more events of a key whose rules take too long, and counts them", async () => {
  const { keys, source, put, alerts, telemetry, clock, engine } = await makeEngine();
  for (const key of ["guest", "phone"]) keys.set(key, ["#"]);
  const events = { guest: 0 };
  await put("guest", { path: "$.slow" });
  await put("phone", { source: { topics: ["b"] } });
  const slow = {
    ...{ kind: "topics" as const, subject: "a", text: "", isRetained: false },
    get json() {
      events.guest += 1;
      clock.pass(600);
      return { slow: "slow" };
    },
  };
  const guest = [...source.connections].find(({ listener }) => listener.owner === "guest");
  for (let count = 0; count < 5; count++) guest?.listener.onEvent(slow, false);
  for (let count = 0; count < 5; count++) source.send("b", String(count));
  assertEquals([events.guest, telemetry.counts], [2, { "dropped rate": 3 }]);
  assertEquals([(await alerts("guest")).length, (await alerts("phone")).length], [2, 5]);
  await engine.stop();
});

Deno.test("AlertEngine alerts as a simple model does, after any changes of rules, rights and processes", async () => {
  const topic = fc.constantFrom("a", "b");
  const step = fc.oneof(
    fc.record({ type: fc.constant("send" as const), topic, isRetained: fc.boolean() }),
    fc.record({ type: fc.constant("rights" as const), topics: fc.option(fc.subarray(["a", "b"]), { nil: undefined }) }),
    fc.record({ type: fc.constant("rule" as const), topics: fc.subarray(["a", "b"], { minLength: 1 }) }),
    fc.record({ type: fc.constant("restart" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const keys = new FakeKeys();
      let now = await makeEngine(undefined, keys);
      const expected: string[] = [];
      let [rights, rule]: (readonly string[] | undefined)[] = [["a", "b"], []];
      keys.set("phone", rights);
      for (const [index, one] of steps.entries()) {
        if (one.type === "send") {
          now.source.send(one.topic, String(index), { isRetained: one.isRetained });
          const isDue = !one.isRetained && rights?.includes(one.topic) && rule?.includes(one.topic);
          if (isDue) expected.push(String(index));
        } else if (one.type === "rights") keys.set("phone", rights = one.topics);
        else if (one.type === "rule") await now.put("phone", { source: { topics: rule = one.topics } });
        else {
          await now.engine.stop();
          now = await makeEngine(now.store, keys);
        }
        await settle(20);
      }
      assertEquals(await now.alerts("phone"), expected);
      await now.engine.stop();
    }),
    { numRuns: 60 },
  );
});
