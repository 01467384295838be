/** Metrics and logs of requests and streams. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { BrokerMessage } from "../../src/mqtt/broker.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import { ScopeError } from "../../src/keys/rights.ts";
import { ServiceError, textReply } from "../../src/services/service.ts";
import { until } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { makeGateway, makeRecord, NOW, PEER, services } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";

const delivery = (text: string): BrokerMessage => (
  { topic: "a", payload: new TextEncoder().encode(text), qos: 0, retain: false }
);

Deno.test("every response has its own id, which the audit and the log contain as well", async () => {
  const lines: Record<string, unknown>[] = [];
  const note = (_message: string, properties: Record<string, unknown> = {}) => void lines.push(properties);
  const gateway = await makeGateway({ log: { debug: note, info: note, warn: note, error: note } });
  const asked = await gateway.ask("/gateway", { jsonrpc: "ping" });
  const lost = await gateway.send(new Request("http://gateway/nowhere", { headers: { "X-Request-Id": "mine" } }));
  const ids = [asked, lost].map(({ headers }) => headers.get("X-Request-Id") ?? "");
  for (const id of ids) assertMatch(id, /^[0-9a-f]{16}$/);
  assert(ids[0] !== ids[1]);
  assertEquals(gateway.decisions.map(({ requestId }) => requestId), [ids[0]]);
  assertEquals(lines.map(({ request }) => request), [ids[1]]);
});

Deno.test("an answered call is counted by route, service and result, and its operations are measured", async () => {
  const gateway = await makeGateway();
  await gateway.request("/gateway", { jsonrpc: "ping" });
  await gateway.request("/mqtt/publish", { topic: "t", message: "m" });
  assertEquals(gateway.decisions.map(({ route, service, result }) => [route, service, result]), [
    ["/gateway", "jeedom", "ok"],
    ["/mqtt/publish", "mqtt", "ok"],
  ]);
  assertEquals(gateway.recorded.operations, ["admission", "opening", "jeedom", "admission", "opening", "mqtt"]);
  assertEquals(gateway.recorded.refused, []);
});

Deno.test("each refusal before a key opened the request is counted by its reason and its route", async () => {
  using _time = new FakeTime();
  const tight = createRateLimits({
    address: { burst: 4, perSecond: 1 },
    failed: { burst: 10, perSecond: 1 },
    key: { burst: 60, perSecond: 20 },
    createCounter: memoryCounter,
  });
  const gateway = await makeGateway({ rates: tight, requests: { maxBodyBytes: 100 } });
  await gateway.post("/gateway", randomBytes(60).toBase64());
  await gateway.post("/gateway", "x".repeat(101));
  await gateway.send(new Request("http://gateway/gateway"));
  await gateway.send(new Request("http://gateway/nowhere"));
  for (let count = 0; count < 3; count++) await gateway.post("/mqtt/subscribe", "");
  assertEquals(gateway.recorded.refused, [
    "envelope",
    "body",
    "route",
    "route",
    "envelope",
    "envelope",
    "address_rate",
  ]);
  assertEquals(gateway.recorded.answered.map(({ route, service, result }) => `${route} ${service} ${result}`), [
    "/gateway none refused",
    "/gateway none refused",
    "/gateway none refused",
    "other none refused",
    ...Array(3).fill("/mqtt/subscribe none refused"),
  ]);
});

Deno.test("too many requests of an address at a time are counted as busy", async () => {
  const gateway = await makeGateway({ requests: { maxPerAddress: 0 } });
  assertEquals((await gateway.ask("/gateway", {})).status, 429);
  assertEquals(gateway.recorded.refused, ["busy"]);
});

Deno.test("each refusal after a key opened the request is counted by its reason", async () => {
  const faults = new Map<unknown, Error>([
    ["scope", new ScopeError("This key may not call that")],
    ["field", new ServiceError(400, "Invalid field: service", { code: "field" })],
    ["failed", new ServiceError(502, "Jeedom cannot be reached", { code: "service_unreachable" })],
    ["broken", new Error("Bug")],
  ]);
  const gateway = await makeGateway({
    services: services((_name, { jsonrpc }) => {
      const fault = faults.get(jsonrpc);
      return fault === undefined ? Promise.resolve(textReply(200, "")) : Promise.reject(fault);
    }),
  });
  for (const jsonrpc of faults.keys()) await gateway.request("/gateway", { jsonrpc });
  await gateway.request("/gateway", { jsonrpc: "old", timestamp: NOW - 1000 });
  await gateway.post("/gateway", await gateway.seal([]));
  assertEquals(gateway.recorded.refused, ["scope", "field", "expired", "payload"]);
  const results = gateway.decisions.map(({ result }) => result);
  assertEquals(results, ["refused", "refused", "failed", "failed", "refused", "refused"]);
});

Deno.test("a repeat is counted as one, and a reused nonce as a refused replay", async () => {
  const gateway = await makeGateway();
  const { text } = await gateway.sealNow("/gateway", { jsonrpc: "ping" });
  await gateway.post("/gateway", text);
  await gateway.post("/gateway", text);
  await (await gateway.post("/mqtt/subscribe", text)).text();
  assertEquals(gateway.decisions.map(({ result }) => result), ["ok", "repeat", "refused"]);
  assertEquals(gateway.recorded.refused, ["replay"]);
});

Deno.test("a stream is counted once as subscribed, and its end by the reason", async () => {
  const broker = makeBroker();
  await using gateway = await makeGateway({ connect: broker.connect });
  const stream = await subscribe(gateway, { topic: "a" });
  assertEquals((await stream.next())?.["type"], "connected");
  broker.state.deliver(delivery("1"));
  assertEquals((await stream.next())?.["payload"], "1");
  await stream.cancel();
  await until("the end", () => gateway.recorded.ended.length === 1);
  assertEquals(gateway.recorded.ended, ["left"]);
  assertEquals(gateway.recorded.delivered, [0, 0]);
  assertEquals(gateway.decisions.map(({ outcome, result }) => [outcome, result]), [
    ["subscribed", "subscribed"],
    ["ended: listener left", undefined],
  ]);
});

Deno.test("a stream that is refused is counted as refused, with its reason", async () => {
  const record = makeRecord({ name: "narrow", services: ["mqtt"], subscribe: ["a"] });
  const gateway = await makeGateway({ streams: { max: 2 } });
  await gateway.keyring.replace({ single: gateway.secret, records: [record] });
  const phone = await gateway.phone(record.secret);
  for (const [asker, topic] of [[phone, "b"], [gateway, "a/#/b"], [gateway, ""]] as const) {
    const stream = await subscribe(asker, { topic });
    assertEquals((await stream.next())?.["type"], "error");
    await stream.cancel();
  }
  assertEquals(gateway.recorded.refused, ["scope", "field", "field"]);
  assertEquals(gateway.decisions.map(({ result }) => result), ["refused", "refused", "refused"]);
  assertEquals(gateway.recorded.ended, ["refused", "refused", "refused"]);
});

Deno.test("events that waited for a listener whose key is revoked are counted as dropped", async () => {
  const broker = makeBroker();
  await using gateway = await makeGateway({ connect: broker.connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.next();
  for (const text of ["1", "2", "3"]) broker.state.deliver(delivery(text));
  await gateway.keyring.replace({ single: undefined, records: [] });
  await until("the end", () => gateway.recorded.ended.length === 1);
  assertEquals(gateway.recorded.ended, ["revoked"]);
  const [[reason, count] = []] = gateway.recorded.dropped;
  assertEquals([reason, (count ?? 0) >= 2], ["revoked", true]);
  while (await stream.next() !== undefined);
});

Deno.test("no stream begins while the gateway stops, and other requests continue", async () => {
  const gateway = await makeGateway();
  await gateway.streams.drain({ withinMs: 0, random: () => 0 });
  const refused = await gateway.ask("/mqtt/subscribe", { topic: "a" });
  assertEquals([refused.status, await refused.text()], [503, '{"error":"Gateway is shutting down"}']);
  assertEquals(refused.headers.get("Retry-After"), "3");
  assertEquals((await gateway.request("/gateway", { jsonrpc: "ping" })).status, 200);
  assertEquals(gateway.recorded.refused, ["stopping"]);
});

Deno.test("GET /health/ready returns only its status", async () => {
  let isReady = true;
  const gateway = await makeGateway({ isReady: () => isReady });
  const ask = (path: string) => gateway.send(new Request(`http://gateway${path}`), PEER);
  const good = await ask("/health/ready");
  assertEquals([good.status, await good.text()], [200, '{"status":"ok"}']);
  isReady = false;
  const bad = await ask("/health/ready");
  assertEquals([bad.status, await bad.text()], [503, '{"status":"unavailable"}']);
  assertEquals(await (await ask("/health/live")).text(), '{"status":"ok"}');
});
