import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import fc from "fast-check";
import { Scope, ScopeError } from "../../../src/keys/rights.ts";
import { parseHostPattern } from "../../../src/net/egress.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { FieldError, type Payload } from "../../../src/protocol/payload.ts";
import { generatePushReceiver } from "../../../src/protocol/push/message_encryption.ts";
import { BROWSER_PUSH_HOSTS } from "../../../src/push/endpoint.ts";
import type { Push } from "../../../src/push/push.ts";
import { createPushService } from "../../../src/services/push/service.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { MemoryPush } from "../../support/memory_push.ts";
import { batchOf } from "../../support/push_batch.ts";
import type { StoredSubscription } from "../../../src/store/state/push_store.ts";

const NOW = 1_796_032_800_000;

const { publicPoint: p256dh, auth } = await generatePushReceiver(randomBytes);
const SUBSCRIPTION = { endpoint: "https://fcm.googleapis.com/fcm/send/secret-a", keys: { p256dh, auth }, kind: "web" };
const RULE = { name: "doorbell", source: { topics: ["home/door"] }, condition: { type: "any" }, title: "Doorbell" };

/** Key that a request is sealed with. */
interface Sealed {
  readonly key?: string;
  readonly kid?: string;
  readonly keyCreated?: number;
}

/** Makes the service on a store in memory, in which the key "phone" has a current and a previous secret. */
function makeService({ fault }: Partial<Pick<Push, "fault">> = {}) {
  const store = new MemoryPush();
  const refreshed: number[] = [];
  const tested: StoredSubscription[] = [];
  const logged: string[] = [];
  const state = { found: true };
  const push: Push = {
    fault,
    publicKey: "BPublic",
    allowedHosts: [...BROWSER_PUSH_HOSTS, parseHostPattern("192.168.1.20:8443")],
    maxPerKey: 2,
    maxRulesPerKey: 2,
    store,
    sourcesOf: () => ["topics"],
    authorize({ source }) {
      for (const filter of source.select) if (filter === "#") throw new ScopeError("subscribe to #");
    },
    removeSubscription: async (id) => await store.removeSubscription(id) !== undefined,
    refresh: async () => {
      refreshed.push(NOW);
      if (!state.found) { for (const { id } of await store.listSubscriptions()) await store.removeSubscription(id); }
    },
    sendTest: (subscription) => tested.push(subscription) < 3,
  };
  const log = (text: string, fields = {}) => void logged.push(`${text} ${JSON.stringify(fields)}`);
  const service = createPushService({
    push,
    keys: {
      find: (kid) =>
        state.found
          ? { name: "phone", rights: {}, created: 5, minProtocol: 1, isPrevious: kid === "previous" }
          : undefined,
      edit: () => Promise.reject(new Error("Not used")),
    },
    now: () => NOW,
    randomBytes,
    log: { debug: log, info: log, warn: log, error: log },
  });
  const ask = async (payload: Payload, { key = "phone", kid = "current", keyCreated = 5 }: Sealed = {}) => {
    const { status, bodyJson, source } = await service.handle({ service: "push", ...payload }, {
      ...{ key, kid, keyCreated, scope: new Scope({}), clientSignal: AbortSignal.any([]), holdMemory: () => {} },
    });
    assertEquals([status, source], [200, "gateway"]);
    return JSON.parse(bodyJson);
  };
  return { service, store, ask, refreshed, tested, logged, state };
}

const subscribe = (path = "secret-a") => ({
  subscribe: { ...SUBSCRIPTION, endpoint: `https://fcm.googleapis.com/fcm/send/${path}` },
});

Deno.test("push describes the key of a request, without the endpoints and keys of its subscriptions", async () => {
  const { ask } = makeService();
  const { id } = await ask({ subscribe: { ...SUBSCRIPTION, label: "Anna's phone", expirationTime: null } });
  await ask({ rule: RULE });
  const answer = await ask({ subscribe: null });
  assertEquals(answer, {
    ...{ enabled: true, publicKey: "BPublic", max: 2, maxRules: 2 },
    subscriptions: [{
      ...{ id, kind: "web", label: "Anna's phone", host: "fcm.googleapis.com" },
      created: new Date(NOW).toISOString(),
    }],
    rules: [RULE],
    sources: ["topics"],
  });
  for (const secret of ["secret-a", p256dh, auth]) assertFalse(JSON.stringify(answer).includes(secret));
});

Deno.test("push keeps the subscriptions, rules and alerts of each key apart, also of a later key of the same name", async () => {
  const { ask, store, tested } = makeService();
  const { id } = await ask(subscribe());
  await ask({ rule: RULE });
  const alert = { key: "phone", keyCreated: 5, id: "a", at: NOW, json: '{"id":"a"}' };
  await store.enqueue(batchOf(alert, []), { now: NOW, maxPerSubscription: 1, max: 1, maxAlerts: 1 });
  assertEquals(await ask({ alerts: {} }), { alerts: [{ id: "a" }] });
  assertEquals(await ask({ alerts: { since: NOW / 1000 } }), { alerts: [] });
  for (const other of [{ key: "tablet" }, { keyCreated: 6 }]) {
    const { subscriptions, rules } = await ask({}, other);
    assertEquals([subscriptions, rules, await ask({ alerts: {} }, other)], [[], [], { alerts: [] }]);
    assertEquals(await ask({ remove: id }, other), { removed: false });
    assertEquals(await ask({ removeRule: "doorbell" }, other), { removed: false });
    await assertRejects(
      () => ask({ test: id }, other),
      FieldError,
      "Invalid field: test: there is no such subscription",
    );
  }
  assertEquals(await ask({ test: id }), { queued: true });
  assertEquals(tested.map((one) => one.id), [id]);
  assertEquals(await ask({ remove: id }), { removed: true });
  assertEquals(await ask({ removeRule: "doorbell" }), { removed: true });
});

Deno.test("push refuses more subscriptions and rules than a key may have, and replaces an earlier one", async () => {
  const { ask, refreshed } = makeService();
  const { id } = await ask(subscribe("a"));
  await ask(subscribe("b"));
  assertEquals(await ask(subscribe("a")), { id });
  const tooMany = await assertRejects(() => ask(subscribe("c")), ServiceError, "raise PUSH_MAX_PER_KEY");
  assertEquals([tooMany.status, tooMany.code], [409, "limit_reached"]);
  for (const name of ["a", "b", "a"]) assertEquals(await ask({ rule: { ...RULE, name } }), { name });
  assertEquals(refreshed.length, 6);
  const full = await assertRejects(() => ask({ rule: RULE }), ServiceError, "raise PUSH_MAX_RULES_PER_KEY");
  assertEquals([full.status, full.code, refreshed.length], [409, "limit_reached", 6]);
});

Deno.test("push refuses a rule beyond the rights of its key, and stores nothing", async () => {
  const { ask } = makeService();
  await assertRejects(() => ask({ rule: { ...RULE, source: { topics: ["a", "#"] } } }), ScopeError, "subscribe to #");
  assertEquals((await ask({})).rules, []);
});

Deno.test("push refuses a test of a key that has had too many alerts, with the time to wait", async () => {
  const { ask } = makeService();
  const { id } = await ask(subscribe());
  for (const _ of [1, 2]) assertEquals(await ask({ test: id }), { queued: true });
  const { status, code, retryAfterSeconds } = await assertRejects(() => ask({ test: id }), ServiceError, "in 2 s");
  assertEquals([status, code, retryAfterSeconds], [429, "busy", 2]);
});

Deno.test("push lets only the current secret of a key subscribe", async () => {
  const { ask, state } = makeService();
  const refused = await assertRejects(() => ask(subscribe(), { kid: "previous" }), ServiceError);
  assertEquals([refused.status, refused.code], [409, "old_secret"]);
  assertEquals(refused.message, "Only the new secret of this key can subscribe: deno task keys show phone shows it");
  // The rest concerns the key.
  await ask({ rule: RULE }, { kid: "previous" });
  state.found = false;
  const gone = await assertRejects(() => ask(subscribe()), ServiceError);
  assertEquals(gone.code, "key_revoked");
});

Deno.test("push removes a subscription again whose key was removed while it was stored", async () => {
  const { ask, store, state } = makeService();
  const add = store.addSubscription.bind(store);
  store.addSubscription = (...args) => {
    state.found = false;
    return add(...args);
  };
  assertEquals((await assertRejects(() => ask(subscribe()), ServiceError)).code, "key_revoked");
  assertEquals(await store.listSubscriptions(), []);
});

Deno.test("push neither subscribes, tests nor takes rules while PUSH is off, but lists and removes", async () => {
  const { ask } = makeService({ fault: "Push messages are turned off: on the gateway, set PUSH=on" });
  for (const payload of [subscribe(), { test: "a" }, { rule: RULE }]) {
    const error = await assertRejects(() => ask(payload), ServiceError, "set PUSH=on");
    assertEquals([error.status, error.code], [503, "service_unreachable"]);
  }
  assertEquals((await ask({})).enabled, false);
  assertEquals(await ask({ remove: "a" }), { removed: false });
});

Deno.test("push names the field that is missing, wrong or too many", async () => {
  const { ask } = makeService();
  const cases: readonly (readonly [payload: Payload, message: string])[] = [
    [{ remove: "a", test: "a" }, "Invalid field: test: must not be in a request with remove"],
    [{ remove: 1 }, "Invalid field: remove: must be a text of 1 to 64 characters"],
    [{ test: "" }, "Invalid field: test: must be a text of 1 to 64 characters"],
    [{ removeRule: "a".repeat(65) }, "Invalid field: removeRule: must be a text of 1 to 64 characters"],
    [{ alerts: true }, 'Invalid field: alerts: must be an object, such as {"since":1796032800}'],
    [{ alerts: { since: -1 } }, "Invalid field: alerts.since: must be a number of seconds since 1970"],
    [{ alerts: { since: "now" } }, "Invalid field: alerts.since: must be a number of seconds since 1970"],
    [{ rule: { ...RULE, name: "" } }, "Invalid field: rule.name: must be 1 to 64 letters"],
    [{ rule: { ...RULE, colour: 1 } }, "Invalid field: rule.colour: there is no such field"],
    [{ subscribe: {} }, "Missing required field: subscribe.endpoint"],
  ];
  for (const [payload, message] of cases) await assertRejects(() => ask(payload), FieldError, message, message);
});

Deno.test("push refuses endpoints in private networks, on other ports and of hosts that are not allowed", async () => {
  const { ask, store, logged } = makeService();
  const endpoints = [
    ...["http://fcm.googleapis.com/a", "https://127.0.0.1/a", "https://[::1]/a", "https://169.254.169.254/latest"],
    ...["https://10.0.0.1/a", "https://localhost/a", "https://0x7f000001/a", "https://2130706433/a"],
    ...["https://fcm.googleapis.com.evil.example/a", "https://fcm.googleapis.com@evil.example/a"],
    ...["https://fcm.googleapis.com:8443/a", "https://evil.example/fcm.googleapis.com", "https://192.168.1.20/a"],
    ...["https://[::ffff:10.0.0.1]/a", "file:///etc/passwd", "https://fcm.googleapis.com\\@evil.example/a"],
  ];
  for (const endpoint of endpoints) {
    const { message } = await assertRejects(() => ask({ subscribe: { ...SUBSCRIPTION, endpoint } }), FieldError);
    assert(message.startsWith("Invalid field: subscribe.endpoint: "), `${endpoint}: ${message}`);
  }
  assertEquals(await store.listSubscriptions(), []);
  assertEquals(logged, []);
  await ask({ subscribe: { ...SUBSCRIPTION, endpoint: "https://192.168.1.20:8443/secret-a", kind: "unifiedpush" } });
  assertEquals(logged.length, 1);
  for (const secret of ["secret-a", p256dh, auth]) assertFalse(logged.join().includes(secret));
});

Deno.test("push answers, or names a field, whatever a request has", async () => {
  const { ask, service } = makeService();
  const any = fc.oneof(fc.jsonValue(), fc.constantFrom(SUBSCRIPTION, RULE, "a"));
  const fields = ["subscribe", "remove", "test", "rule", "removeRule", "alerts"] as const;
  const payloads = fc.record(Object.fromEntries(fields.map((field) => [field, any])), { requiredKeys: [] });
  await fc.assert(fc.asyncProperty(payloads, async (payload) => {
    assert([undefined, ...fields].some((field) => field === service.target(payload)));
    try {
      await ask(payload);
    } catch (error) {
      assert(error instanceof FieldError || (error instanceof ServiceError && error.status === 409), String(error));
    }
  }));
});
