/** Refused requests: recorded for the operator, and not shown to clients. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { createRefusalTelemetry, RecentRefusals, type RefusalCount } from "../../src/observability/recent_refusals.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { deriveKeyId, KEY_ID_HEADER } from "../../src/protocol/secret_key.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import { ScopeError } from "../../src/keys/rights.ts";
import { FakeTime } from "../support/fake_time.ts";
import { recordTelemetry } from "../support/telemetry.ts";
import { makeGateway, makeRecord, NOW, type Overrides, PEER, services } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";

const ROUTES = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"] as const;

async function makeRecordingGateway(overrides: Overrides = {}) {
  const refusals = new RecentRefusals(() => 0);
  const gateway = await makeGateway({ telemetry: createRefusalTelemetry(recordTelemetry(), refusals), ...overrides });
  return {
    gateway,
    list: () => refusals.list(),
    load: (...records: KeyRecord[]) => gateway.keyring.replace({ single: gateway.secret, records }),
  };
}

const fromPeer = (requests: number) => ({ requests, addresses: [{ address: PEER, requests }] });

const byName = (one: RefusalCount, other: RefusalCount) =>
  `${one.cause} ${one.key}` < `${other.cause} ${other.key}` ? -1 : 1;

Deno.test("a request with an unknown key is recorded by its address, on every route and in both versions", async () => {
  const { gateway, list } = await makeRecordingGateway();
  for (const version of [1, 2] as const) {
    const unknownPhone = await gateway.phone(randomBytes(32), { version });
    for (const route of ROUTES) assertEquals((await unknownPhone.ask(route, {})).status, 401);
  }
  await gateway.post("/gateway", "garbage");
  assertEquals(list(), [{ cause: "unknown_key", ...fromPeer(7) }]);
});

Deno.test("a request that names an inactive key is recorded by that key, and gets the same 401 as all others", async () => {
  const { gateway, list, load } = await makeRecordingGateway();
  const make = (name: string, given: Partial<KeyRecord> = {}) => makeRecord({ name, ...given });
  const [phone, removed, guest] = [make("annas-phone"), make("old-tablet"), make("guest")];
  const [brief, modern] = [make("brief", { expires: NOW * 1000 + 1000 }), make("modern", { minProtocol: 2 })];
  await load(phone, removed, guest, brief, modern);
  gateway.clock.seconds += 2;
  await load({ ...phone, secret: randomBytes(32) }, { ...guest, disabled: true }, brief, modern);
  const wire = async (response: Response) => ({
    status: response.status,
    text: await response.text(),
    headers: [...response.headers].filter(([name]) => name !== "x-request-id"),
  });
  const expected = await wire(await (await gateway.phone(randomBytes(32), { version: 2 })).ask("/gateway", {}));
  for (const [index, { secret }] of [phone, removed, guest, brief].entries()) {
    const device = await gateway.phone(secret, { version: 2 });
    const named = await gateway.phone(secret, { headers: { [KEY_ID_HEADER]: await deriveKeyId(secret) } });
    for (let count = 0; count <= index; count++) assertEquals(await wire(await device.ask("/gateway", {})), expected);
    assertEquals(await wire(await named.ask("/gateway", {})), expected);
  }
  const tooOld = await gateway.phone(modern.secret, { headers: { [KEY_ID_HEADER]: await deriveKeyId(modern.secret) } });
  assertEquals(await wire(await tooOld.ask("/gateway", {})), expected);
  assertEquals(list().toSorted(byName), [
    { cause: "disabled", requests: 4, key: "guest" },
    { cause: "expired", requests: 5, key: "brief" },
    { cause: "old_secret", requests: 2, key: "annas-phone" },
    { cause: "old_version", requests: 1, key: "modern" },
    { cause: "removed", requests: 3, key: "old-tablet" },
    { cause: "unknown_key", ...fromPeer(1) },
  ]);
  // A request that names a key and was sealed with another one is still refused.
  const forged = await gateway.phone(randomBytes(32), { headers: { [KEY_ID_HEADER]: gateway.key.kid } });
  assertEquals(await wire(await forged.ask("/gateway", {})), expected);
  assertEquals(list().find(({ cause }) => cause === "in_force"), { cause: "in_force", requests: 1, key: "default" });
  assertEquals(gateway.calls, []);
});

Deno.test("a retired secret is recorded by its key although its address failed too often", async () => {
  using _time = new FakeTime();
  const { gateway, list, load } = await makeRecordingGateway({
    rates: createRateLimits({
      address: { burst: 120, perSecond: 60 },
      failed: { burst: 2, perSecond: 1 },
      key: { burst: 60, perSecond: 20 },
      createCounter: memoryCounter,
    }),
  });
  const record = makeRecord({ name: "annas-phone" });
  await load(record);
  await load({ ...record, secret: randomBytes(32) });
  const [unknownPhone, phone] = [
    await gateway.phone(randomBytes(32)),
    await gateway.phone(record.secret, { version: 2 }),
  ];
  const statuses = [];
  for (const device of [unknownPhone, unknownPhone, unknownPhone, phone, phone]) {
    statuses.push((await device.ask("/gateway", {})).status);
  }
  assertEquals(statuses, [401, 401, 429, 429, 429]);
  assertEquals(list().toSorted(byName), [
    { cause: "address_rate", ...fromPeer(1) },
    { cause: "old_secret", requests: 2, key: "annas-phone" },
    { cause: "unknown_key", ...fromPeer(2) },
  ]);
});

Deno.test("an expired request is recorded with its key and clock offset, also of a subscription", async () => {
  const { gateway, list } = await makeRecordingGateway();
  gateway.clock.seconds += 1000;
  for (const version of [1, 2] as const) {
    const phone = await gateway.phone(gateway.secret, { version });
    await phone.request("/gateway", { timestamp: gateway.clock.seconds - 95 });
    const stream = await subscribe(phone, { topic: "a", timestamp: gateway.clock.seconds + 100 });
    assertEquals((await stream.next())?.["type"], "error");
    await stream.cancel();
    assertEquals(list(), [{ cause: "clock", requests: 2 * version, key: "default", "clock_offset_seconds": 100 }]);
  }
  // No valid timestamp.
  for (const timestamp of [null, "soon"]) await gateway.request("/gateway", { timestamp });
  await gateway.post("/gateway", await gateway.seal('{"timestamp":1e999}'));
  assertEquals(list().map(({ requests }) => requests), [4]);
});

Deno.test("a version probe is not recorded as a wrong clock", async () => {
  const { gateway, list } = await makeRecordingGateway();
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  assertEquals((await phone.request("/gateway", { timestamp: 0 })).status, 403);
  assertEquals(list(), []);
});

Deno.test("a request that a key's rights or rate do not allow is recorded by the key, also of a subscription", async () => {
  using _time = new FakeTime();
  const { gateway, list, load } = await makeRecordingGateway({
    rates: createRateLimits({
      address: { burst: 120, perSecond: 60 },
      failed: { burst: 10, perSecond: 1 },
      key: { burst: 3, perSecond: 1 },
      createCounter: memoryCounter,
    }),
    services: services(() => Promise.reject(new ScopeError("This key may not call that"))),
  });
  const record = makeRecord({ name: "guest", services: ["jeedom", "mqtt"] });
  await load(record);
  const guest = await gateway.phone(record.secret);
  for (let count = 0; count < 2; count++) await guest.request("/gateway", { jsonrpc: "x" });
  const stream = await subscribe(guest, { topic: "a" });
  assertEquals((await stream.next())?.["type"], "error");
  await stream.cancel();
  for (let count = 0; count < 2; count++) assertEquals((await guest.request("/gateway", {})).status, 429);
  assertEquals(list(), [
    { cause: "rights", requests: 3, key: "guest" },
    { cause: "key_rate", requests: 2, key: "guest" },
  ]);
});

Deno.test("a cross-site request is recorded by its address", async () => {
  const { gateway, list } = await makeRecordingGateway();
  const page = await gateway.phone(gateway.secret, { headers: { "Sec-Fetch-Site": "cross-site" } });
  assertEquals((await page.ask("/gateway", {})).status, 403);
  assertEquals(list(), [{ cause: "cross_site", ...fromPeer(1) }]);
});

Deno.test("an unknown service is not recorded as a refusal of a key's rights: the doctor probes with it", async () => {
  const { gateway, list, load } = await makeRecordingGateway();
  const guest = makeRecord({ name: "guest", services: ["jeedom"] });
  await load(guest);
  const doctor = await gateway.phone(guest.secret, { version: 2 });
  const { status, body } = await doctor.request("/mqtt/publish", { service: "none" });
  assertEquals(status, 400);
  assertStringIncludes(String(body), "Invalid field: service");
  assertEquals(list(), []);
});

Deno.test("a refused request is recorded whatever its User-Agent", async () => {
  const { gateway, list } = await makeRecordingGateway();
  const unknownPhone = await gateway.phone(randomBytes(32), { headers: { "User-Agent": "e2e-gateway-check" } });
  await unknownPhone.ask("/gateway", {});
  assertEquals(list(), [{ cause: "unknown_key", ...fromPeer(1) }]);
});

Deno.test("answered requests are not recorded", async () => {
  const { gateway, list } = await makeRecordingGateway();
  for (const version of [1, 2] as const) {
    assertEquals((await (await gateway.phone(gateway.secret, { version })).request("/gateway", {})).status, 200);
  }
  assertEquals(list(), []);
});
