/** Rate and concurrency limits, for clients and against attackers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { GatewayClient, RateLimitError, WrongKeyError } from "../../src/client/gateway_client.ts";
import { randomBytes, toHex } from "../../src/protocol/bytes.ts";
import { createAddressOf, parseProxy } from "../../src/http/client_address.ts";
import { memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import { textReply } from "../../src/services/service.ts";
import { until } from "../support/deadline.ts";
import { FakeTime } from "../support/fake_time.ts";
import { makeBroker } from "../support/fake_broker.ts";
import type { Keyring } from "../../src/keys/keyring.ts";
import { makeGateway, makeRecord, NOW, services } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";

const rates = () =>
  createRateLimits({
    address: { burst: 120, perSecond: 60 },
    failed: { burst: 10, perSecond: 1 },
    key: { burst: 60, perSecond: 20 },
    createCounter: memoryCounter,
  });

const garbage = () => randomBytes(60).toBase64();

async function statuses(count: number, send: () => Promise<Response>): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (let index = 0; index < count; index++) {
    const { status } = await send();
    found.set(status, (found.get(status) ?? 0) + 1);
  }
  return found;
}

Deno.test("an address may fail ten times at once, then gets 429 with Retry-After before anything is opened", async () => {
  using time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const send = () => gateway.post("/gateway", garbage());
  assertEquals(await statuses(20, send), new Map([[401, 10], [429, 10]]));
  const refused = await gateway.ask("/gateway", {});
  assertEquals([refused.status, await refused.text()], [429, '{"error":"Too many requests"}']);
  assertEquals(refused.headers.get("Retry-After"), "1");
  time.pass(1000);
  assertEquals(await statuses(5, send), new Map([[401, 1], [429, 4]]));
  assertEquals([gateway.calls.length, gateway.failures.length], [0, 11]);
});

Deno.test("requests of a trusted address are opened concurrently, of any other address one after another", async () => {
  const gateway = await makeGateway();
  let open = 0;
  let most = 0;
  const keyring: Keyring = {
    identify: () => undefined,
    async open(envelope, sender) {
      most = Math.max(most, ++open);
      try {
        return await gateway.keyring.open(envelope, sender);
      } finally {
        open -= 1;
      }
    },
  };
  const counting = await makeGateway({ keyring });
  const send = async (peer: string, garbled = false) => {
    const body = garbled ? garbage() : await gateway.seal({ timestamp: NOW });
    const request = new Request("http://gateway/gateway", { method: "POST", body });
    return (await counting.send(request, peer)).status;
  };
  const all = (statuses: Promise<number>[]) => Promise.all(statuses);
  assertEquals(await send("192.0.2.1"), 200);
  await all(Array.from({ length: 10 }, () => send("192.0.2.1")));
  assert(most > 1, "They waited for each other");
  assertEquals(await send("192.0.2.1", true), 401);
  for (const address of ["192.0.2.1", "192.0.2.2"]) {
    most = 0;
    await all(Array.from({ length: 10 }, () => send(address, true)));
    assertEquals(most, 1);
  }
});

Deno.test("of concurrent failures at most ten are opened, then one a second", async () => {
  using time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const wave = async () => {
    const responses = await Promise.all(Array.from({ length: 60 }, () => gateway.post("/gateway", garbage())));
    return responses.filter(({ status }) => status === 401).length;
  };
  assertEquals(await wave(), 10);
  for (let second = 0; second < 3; second++) {
    time.pass(1000);
    assertEquals(await wave(), 1);
  }
});

Deno.test("garbage from one address does not stop a phone at another", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  await statuses(200, () => gateway.post("/gateway", garbage()));
  const phone = await gateway.phone(gateway.secret, { peer: "198.51.100.7" });
  assertEquals((await phone.request("/gateway", {})).status, 200);
});

Deno.test("X-Forwarded-For from an untrusted address is ignored", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway({ rates: rates(), addressOf: createAddressOf([parseProxy("127.0.0.1")]) });
  let index = 0;
  const spoofing = async (peer: string) => {
    const headers = { "X-Forwarded-For": `198.51.100.${index++}` };
    return await (await gateway.phone(gateway.secret, { peer, headers })).post("/gateway", garbage());
  };
  assertEquals((await statuses(20, () => spoofing("203.0.113.9"))).get(429), 10);
  assertEquals((await statuses(20, () => spoofing("127.0.0.1"))).get(429), undefined);
  assertEquals(new Set(gateway.failures).size, 21);
});

Deno.test("expired, reflected and malformed requests count as failures of their address", async () => {
  for (const payload of [{ timestamp: 1 }, { type: "message", timestamp: NOW }, []]) {
    using _time = new FakeTime();
    const gateway = await makeGateway({ rates: rates() });
    const body = await gateway.seal(payload);
    assertEquals(await statuses(20, () => gateway.post("/gateway", body)), new Map([[200, 10], [429, 10]]));
  }
});

Deno.test("a version probe does not count as a failure of its address, in version 2 only", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const client = await gateway.phone(gateway.secret, { version: 2 });
  for (let index = 0; index < 20; index++) {
    const { status, body } = await client.request("/gateway", { timestamp: 0 });
    assertEquals([status, body], [403, '{"error":"Request expired","code":"expired"}']);
  }
  assertEquals([gateway.failures, gateway.calls], [[], []]);
  assertEquals(await statuses(20, () => gateway.post("/gateway", garbage())), new Map([[401, 10], [429, 10]]));
  const old = await makeGateway({ rates: rates() });
  const body = await old.seal({ timestamp: 0 });
  assertEquals(await statuses(20, () => old.post("/gateway", body)), new Map([[200, 10], [429, 10]]));
});

Deno.test("a client in auto with a wrong key causes one failure for each try, and learns that the key is wrong", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const key = toHex(randomBytes(32));
  const client = new GatewayClient({
    url: "http://gateway",
    key,
    fetch: (input, init) => gateway.send(new Request(input, init)),
  });
  for (let index = 1; index <= 10; index++) {
    await assertRejects(() => client.publish("t", "m"), WrongKeyError);
    assertEquals([gateway.failures.length, client.protocol], [index, undefined]);
  }
  const { message } = await assertRejects(() => client.publish("t", "m"), RateLimitError);
  assertEquals(message, "Too many requests or failed attempts from this address: wait 1 s");
});

Deno.test("a key may send its burst at once, and then gets a sealed 429 with retry_after", async () => {
  using time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  for (let index = 0; index < 60; index++) assertEquals((await gateway.request("/gateway", {})).status, 200);
  const { status, body } = await gateway.request("/gateway", {});
  assertEquals([status, body], [429, '{"error":"Too many requests with this key","code":"key_rate","retry_after":1}']);
  assertEquals(gateway.calls.length, 60);
  time.pass(1000);
  assertEquals((await gateway.request("/gateway", {})).status, 200);
});

Deno.test("a key's own rate counts for it alone, from every address", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const slow = makeRecord({ name: "slow", services: ["mqtt"], rate: { burst: 2, perSecond: 1 } });
  await gateway.keyring.replace({ single: gateway.secret, records: [slow] });
  const seen: number[] = [];
  for (const peer of ["198.51.100.1", "198.51.100.2", "198.51.100.3"]) {
    seen.push((await (await gateway.phone(slow.secret, { peer })).request("/mqtt/publish", {})).status);
  }
  assertEquals(seen, [200, 200, 429]);
  assertEquals((await gateway.request("/gateway", {})).status, 200);
});

Deno.test("recorded requests that are sent again do not count against the key's rate", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const recorded = await gateway.seal({ timestamp: NOW });
  const attacker = await gateway.phone(randomBytes(32), { peer: "203.0.113.9" });
  for (let index = 0; index < 100; index++) await attacker.post("/gateway", recorded);
  for (let index = 0; index < 59; index++) assertEquals((await gateway.request("/gateway", {})).status, 200);
  assertEquals(gateway.calls.length, 60);
});

Deno.test("a request over the key's rate does not run when it is sent again, and gets its first answer", async () => {
  using time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  for (let index = 0; index < 60; index++) await gateway.request("/gateway", {});
  const body = await gateway.seal({ timestamp: NOW });
  const first = await (await gateway.post("/gateway", body)).text();
  time.pass(2000);
  assertEquals(await (await gateway.post("/gateway", body)).text(), first);
  assertEquals(gateway.calls.length, 60);
});

Deno.test("requests under way are limited for each key, each address and in total", async () => {
  const finish = Promise.withResolvers<void>();
  let started = 0;
  const gateway = await makeGateway({
    requests: { maxPerKey: 2, maxPerAddress: 3, max: 4 },
    services: services(async () => {
      started += 1;
      await finish.promise;
      return textReply(200, "done");
    }),
  });
  const other = makeRecord({ name: "other", services: ["mqtt", "jeedom"] });
  const third = makeRecord({ name: "third", services: ["mqtt", "jeedom"] });
  await gateway.keyring.replace({ single: gateway.secret, records: [other, third] });
  const at = (peer: string, secret = gateway.secret) => gateway.phone(secret, { peer });
  const running = [await at("a"), await at("a")].map((phone) => phone.request("/gateway", {}));
  await until("two run", () => started === 2);
  const { status, body } = await (await at("a")).request("/gateway", {});
  assertEquals([status, body], [429, '{"error":"Too many requests are under way","code":"busy","retry_after":1}']);
  running.push((await at("a", other.secret)).request("/gateway", {}));
  await until("three run", () => started === 3);
  const refused = await (await at("a", other.secret)).ask("/gateway", {});
  assertEquals([refused.status, refused.headers.get("Retry-After")], [429, "1"]);
  // The last one is for a key without any.
  assertEquals((await (await at("b", other.secret)).request("/gateway", {})).status, 429);
  running.push((await at("b", third.secret)).request("/gateway", {}));
  await until("four run", () => started === 4);
  assertEquals((await (await at("c", gateway.secret)).request("/gateway", {})).status, 429);
  finish.resolve();
  assertEquals((await Promise.all(running)).map((answer) => answer.status), [200, 200, 200, 200]);
  assertEquals((await (await at("c", other.secret)).ask("/gateway", {})).status, 200);
});

Deno.test("slow bodies count against their own address only", async () => {
  const gateway = await makeGateway({ requests: { maxPerAddress: 2, bodyTimeoutMs: 50 } });
  const sendSlowly = () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    return gateway.send(new Request("http://gateway/gateway", { method: "POST", body }), "203.0.113.9");
  };
  const slow = [sendSlowly(), sendSlowly()];
  assertEquals((await sendSlowly()).status, 429);
  assertEquals((await gateway.request("/gateway", {})).status, 200);
  assertEquals((await Promise.all(slow)).map(({ status }) => status), [408, 408]);
});

Deno.test("a body beyond the limit aborts the oldest body of the address with the most, and is read", async () => {
  const gateway = await makeGateway({ requests: { maxBodies: 3, bodyTimeoutMs: 1000 } });
  const sendSlowly = (peer: string) => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    return gateway.send(new Request("http://gateway/gateway", { method: "POST", body }), peer);
  };
  const ended: string[] = [];
  const begin = async (name: string, peer: string) => void ended.push(`${name} ${(await sendSlowly(peer)).status}`);
  const slow = [
    begin("honest", "198.51.100.7"),
    begin("first", "203.0.113.1"),
    begin("second", "203.0.113.1"),
  ];
  for (let index = 0; index < 5; index++) assertEquals((await gateway.request("/gateway", {})).status, 200);
  assertEquals(ended, ["first 408"]);
  slow.push(begin("third", "203.0.113.1"));
  assertEquals((await gateway.request("/gateway", {})).status, 200);
  assertEquals(ended, ["first 408", "second 408"]);
  await Promise.all(slow);
});

Deno.test("open streams are limited for each key, and one that ends allows another", async () => {
  const { connect } = makeBroker();
  await using gateway = await makeGateway({ connect, streams: { maxPerKey: 2 } });
  const first = await subscribe(gateway, { topic: "a" });
  const second = await subscribe(gateway, { topic: "a" });
  const third = await subscribe(gateway, { topic: "a" });
  const event = await third.next();
  assertEquals([event?.["type"], event?.["message"]], ["error", "Too many open streams: close one first"]);
  assertEquals(await third.next(), undefined);
  await first.cancel();
  const fourth = await subscribe(gateway, { topic: "a" });
  assertEquals((await fourth.next())?.["type"], "connected");
  await second.cancel();
  await fourth.cancel();
});

Deno.test("100,000 garbage bodies from 1,000 addresses leave no rate limit or limiter used up", async () => {
  using time = new FakeTime();
  const gateway = await makeGateway({ rates: rates() });
  const body = garbage();
  let opened = 0;
  for (let index = 0; index < 100_000; index++) {
    const request = new Request("http://gateway/gateway", { method: "POST", body });
    const { status } = await gateway.send(request, `10.0.${index % 250}.${Math.floor(index / 250) % 4}`);
    assert(status === 401 || status === 429);
    if (status === 401) opened += 1;
  }
  assert(opened <= 1000 * 10, `${opened} were opened`);
  time.pass(60_000);
  assertEquals((await gateway.request("/gateway", {})).status, 200);
});
