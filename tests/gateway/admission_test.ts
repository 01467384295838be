import { assertEquals, assertNotEquals } from "@std/assert";
import * as fc from "fast-check";
import { createMemoryReplayStore, ENTRY_BYTES } from "../../src/store/memory_replay.ts";
import { textReply } from "../../src/services/service.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import type { Keyring } from "../../src/keys/keyring.ts";
import { OpeningQueueFullError } from "../../src/keys/opening_queue.ts";
import { makeGateway, makeRecord, NOW, services } from "../support/gateway.ts";

const EXPIRED = JSON.stringify({ error: "Request expired", code: "expired" });
const REFUSED = '{"error":"Decryption failed"}';

Deno.test("a request that no key opens gets the same 401 for every fault", async () => {
  const gateway = await makeGateway();
  const good = Uint8Array.fromBase64(await gateway.seal({ timestamp: NOW }));
  const otherKey = await importKey(randomBytes(32));
  const bodies = [
    "",
    "x",
    "{}",
    "null",
    '{"service":"jeedom"}',
    good.subarray(0, 27).toBase64(),
    good.subarray(0, -1).toBase64(),
    good.toHex(),
    new Uint8Array(28).toBase64(),
    await sealEnvelope(otherKey, JSON.stringify({ timestamp: NOW }), randomBytes),
    good,
    new Uint8Array([0xff, 0xfe]),
  ];
  for (const path of ["/gateway", "/mqtt/publish", "/mqtt/subscribe"]) {
    for (const body of bodies) {
      const response = await gateway.post(path, body);
      assertEquals([response.status, await response.text()], [401, REFUSED]);
      assertEquals(response.headers.get("Content-Type"), "application/json");
    }
  }
  assertEquals(gateway.calls.length, 0);
});

Deno.test("random bytes get the same 401", async () => {
  const gateway = await makeGateway();
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 4000 }), async (bytes) => {
    const response = await gateway.post("/gateway", new Uint8Array(bytes));
    assertEquals([response.status, await response.text()], [401, REFUSED]);
  }));
});

Deno.test("a timestamp within the window is accepted, including its edges and fractions", async () => {
  const gateway = await makeGateway();
  gateway.clock.seconds = NOW + 1000;
  for (const age of [0, 59.5, 60, -59.5, -60]) {
    const { status } = await gateway.request("/gateway", { timestamp: NOW + 1000 - age });
    assertEquals(status, 200, `${age} s`);
  }
});

Deno.test("a request that ran gets its answer again when it has expired, also after the clock was set", async () => {
  const gateway = await makeGateway();
  for (const version of [1, 2] as const) {
    const phone = await gateway.phone(gateway.secret, { version });
    const { text } = await phone.sealNow("/gateway", {});
    const first = await (await gateway.post("/gateway", text)).text();
    const calls = gateway.calls.length;
    gateway.setWall(3600);
    assertEquals(await (await gateway.post("/gateway", text)).text(), first);
    gateway.setWall(-3600);
    assertEquals(await (await gateway.post("/gateway", text)).text(), first);
    gateway.setWall(0);
    gateway.clock.seconds += 119;
    assertEquals(await (await gateway.post("/gateway", text)).text(), first);
    gateway.clock.seconds += 2;
    assertNotEquals(await (await gateway.post("/gateway", text)).text(), first);
    assertEquals(gateway.calls.length, calls);
  }
  // The last ones of each, which the store no longer has.
  assertEquals(gateway.failures.length, 2);
});

Deno.test("an expired request is not refused as expired while the store is unavailable", async () => {
  const gateway = await makeGateway({
    replays: {
      claim: () => ({ kind: "unavailable" }),
      recall: () => ({ kind: "unavailable" }),
      check: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
  });
  const response = await gateway.ask("/gateway", { timestamp: 0 });
  assertEquals([response.status, gateway.failures], [503, []]);
});

Deno.test("a timestamp that is missing, expired, in the future or not a number is refused in an envelope", async () => {
  const gateway = await makeGateway();
  gateway.clock.seconds = NOW + 1000;
  const now = gateway.clock.seconds;
  for (const timestamp of [undefined, null, "", `${now}`, true, [now], now - 61, now + 61, 0, -1, now * 1000]) {
    for (const path of ["/gateway", "/mqtt/publish"] as const) {
      const { status, body } = await gateway.request(path, { timestamp });
      assertEquals([status, body], [403, EXPIRED], JSON.stringify(timestamp));
    }
  }
  for (const timestamp of ["1e999", "-1e999"]) {
    const response = await gateway.post("/gateway", await gateway.seal(`{"timestamp":${timestamp}}`));
    assertEquals((await gateway.answer(response)).body, EXPIRED);
  }
  assertEquals(gateway.calls.length, 0);
});

Deno.test("the answer to an expired request contains the gateway's time", async () => {
  const gateway = await makeGateway();
  const { timestamp } = await gateway.request("/gateway", { timestamp: 1 });
  assertEquals(timestamp, NOW);
});

Deno.test("a request with a timestamp before the gateway's start is refused, in whole seconds", async () => {
  const gateway = await makeGateway();
  gateway.clock.seconds = NOW + 10;
  assertEquals((await gateway.request("/gateway", { timestamp: NOW - 1 })).body, EXPIRED);
  assertEquals((await gateway.request("/gateway", { timestamp: NOW - 0.001 })).body, EXPIRED);
  assertEquals((await gateway.request("/gateway", { timestamp: NOW })).status, 200);
});

Deno.test("a gateway started within a second accepts timestamps of that whole second", async () => {
  const gateway = await makeGateway({ now: () => NOW * 1000 + 900 });
  assertEquals((await gateway.request("/gateway", { timestamp: NOW })).status, 200);
});

Deno.test("a payload that is not a JSON object is refused in an envelope", async () => {
  const gateway = await makeGateway();
  for (const text of ["null", "[]", "1", '"x"', "true", "not JSON", ""]) {
    const answer = await gateway.answer(await gateway.post("/gateway", await gateway.seal(text)));
    assertEquals(
      [answer.status, answer.body],
      [403, '{"error":"Payload must be one JSON object","code":"payload"}'],
      text,
    );
  }
});

Deno.test("a repeated request does not run again, and gets the first answer again", async () => {
  const gateway = await makeGateway();
  const body = await gateway.seal({ timestamp: NOW });
  const first = await (await gateway.post("/gateway", body)).text();
  const second = await (await gateway.post("/gateway", body)).text();
  assertEquals(second, first);
  assertEquals(gateway.calls.length, 1);
});

Deno.test("a repeat in another encoding of the same base64 does not run again", async () => {
  const gateway = await makeGateway();
  const body = await gateway.seal({ timestamp: NOW });
  const first = await (await gateway.post("/gateway", body)).text();
  const second = await (await gateway.post("/gateway", ` ${body.slice(0, 20)}\n${body.slice(20)}\r\n`)).text();
  assertEquals(second, first);
  assertEquals(gateway.calls.length, 1);
});

Deno.test("a request repeated on another route does not run there", async () => {
  const gateway = await makeGateway();
  const body = await gateway.seal({ timestamp: NOW, service: "mqtt", topic: "t", message: "m" });
  const first = await (await gateway.post("/gateway", body)).text();
  assertEquals(await (await gateway.post("/mqtt/publish", body)).text(), first);
  const stream = await (await gateway.post("/mqtt/subscribe", body)).text();
  const event = await gateway.open(stream.replace("data: ", "").trim());
  assertEquals(typeof event === "object" && event !== null && "type" in event && event.type, "error");
  assertEquals(gateway.calls.length, 1);
});

Deno.test("concurrent identical requests run once, and all get the same answer", async () => {
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  let runs = 0;
  const gateway = await makeGateway({
    services: services(async () => {
      runs += 1;
      started.resolve();
      await finish.promise;
      return textReply(200, "done");
    }),
  });
  const body = await gateway.seal({ timestamp: NOW });
  const responses = Array.from({ length: 20 }, () => gateway.post("/gateway", body));
  await started.promise;
  finish.resolve();
  const texts = await Promise.all((await Promise.all(responses)).map((response) => response.text()));
  assertEquals([new Set(texts).size, runs], [1, 1]);
});

Deno.test("a nonce used for a second request is refused, and the second does not run", async () => {
  const gateway = await makeGateway();
  const nonce = randomBytes(12);
  const seal = (n: number) => sealEnvelope(gateway.key.aead, JSON.stringify({ timestamp: NOW, n }), () => nonce);
  await gateway.post("/gateway", await seal(1));
  const answer = await gateway.answer(await gateway.post("/gateway", await seal(2)));
  assertEquals([answer.status, gateway.calls.length], [403, 1]);
});

Deno.test("a repeat whose answer is no longer kept gets a 409, and does not run again", async () => {
  const gateway = await makeGateway({
    replays: createMemoryReplayStore({
      limits: { maxAgeSeconds: 60, memoryBytes: 1024, answerBytes: 1024 },
      since: NOW,
      monotonic: () => 0,
    }),
    services: services(() => Promise.resolve(textReply(200, "x".repeat(2000)))),
  });
  const body = await gateway.seal({ timestamp: NOW });
  assertEquals((await gateway.answer(await gateway.post("/gateway", body))).status, 200);
  assertEquals((await gateway.answer(await gateway.post("/gateway", body))).status, 409);
});

Deno.test("a full replay store refuses new requests in plaintext, and runs none twice", async () => {
  const gateway = await makeGateway({
    replays: createMemoryReplayStore({
      limits: { maxAgeSeconds: 60, memoryBytes: 2 * ENTRY_BYTES, answerBytes: 512 },
      since: NOW,
      monotonic: () => 0,
    }),
  });
  const body = await gateway.seal({ timestamp: NOW });
  await gateway.post("/gateway", body);
  const refused = await gateway.post("/gateway", await gateway.seal({ timestamp: NOW }));
  assertEquals([refused.status, await refused.text()], [503, '{"error":"Too many requests to remember"}']);
  assertNotEquals(refused.headers.get("Retry-After"), null);
  await gateway.post("/gateway", body);
  assertEquals(gateway.calls.length, 1);
});

Deno.test("a key that fills its share of the replay store is refused, and no other, also without rate limits", async () => {
  const gateway = await makeGateway({
    replays: createMemoryReplayStore({
      limits: { maxAgeSeconds: 60, memoryBytes: ENTRY_BYTES * 100, answerBytes: 512 },
      since: NOW,
      monotonic: () => 0,
    }),
  });
  const modest = makeRecord({ name: "modest", services: ["jeedom"] });
  await gateway.keyring.replace({ single: gateway.secret, records: [modest] });
  const statuses = new Map<number, number>();
  for (let index = 0; index < 200; index++) {
    // From as many addresses: none exceeds its rate.
    const greedy = await gateway.phone(gateway.secret, { peer: `192.0.2.${index}` });
    const { status } = await greedy.ask("/gateway", {});
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assertEquals(statuses, new Map([[200, 50], [503, 150]]));
  const phone = await gateway.phone(modest.secret);
  for (let times = 0; times < 20; times++) assertEquals((await phone.request("/gateway", {})).status, 200);
});

Deno.test("a body over the limit is refused from its announced length, and unannounced as soon as it passes", async () => {
  const gateway = await makeGateway();
  const announced = await gateway.post("/gateway", "x".repeat(4097));
  assertEquals([announced.status, await announced.text()], [413, '{"error":"Request body too large"}']);

  let pulled = 0;
  const endless = new ReadableStream({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(1000));
    },
  });
  assertEquals((await gateway.post("/gateway", endless)).status, 413);
  assertEquals(pulled <= 7, true, `${pulled} chunks were read`);
});

Deno.test("a body of exactly the limit is read", async () => {
  const gateway = await makeGateway();
  const text = JSON.stringify({ timestamp: NOW, pad: "" });
  const room = 4096 / 4 * 3 - 28 - text.length;
  const { status } = await gateway.request("/gateway", { pad: "x".repeat(room) });
  assertEquals(status, 200);
});

Deno.test("a slow body is aborted", async () => {
  const gateway = await makeGateway({
    requests: { bodyTimeoutMs: 20 },
  });
  let cancelled = false;
  const slowBody = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array([65])),
    cancel: () => void (cancelled = true),
  });
  assertEquals((await gateway.post("/gateway", slowBody)).status, 408);
  assertEquals(cancelled, true);
});

Deno.test("a request without a key id gets 429 when too many of them wait, and is no failure of its address", async () => {
  const keyring: Keyring = {
    open: () => Promise.reject(new OpeningQueueFullError()),
    identify: () => undefined,
  };
  const gateway = await makeGateway({ keyring });
  const response = await gateway.post("/gateway", await gateway.seal({ timestamp: NOW }));
  assertEquals([response.status, response.headers.get("Retry-After")], [429, "5"]);
  assertEquals(await response.json(), { error: "Too many requests" });
  assertEquals(gateway.failures, []);
});

Deno.test("AEAD=native and AEAD=webcrypto answer alike, in both versions, whatever the length", async () => {
  for (const aead of ["webcrypto", "native"] as const) {
    await using gateway = await makeGateway({ aead });
    for (const version of [1, 2] as const) {
      const phone = await gateway.phone(gateway.secret, { version });
      for (const length of [0, 1000, 2500]) {
        const answer = await phone.request("/gateway", { pad: "x".repeat(length) });
        assertEquals(answer.status, 200, `${aead}, version ${version}, ${length} characters`);
      }
      const stranger = await gateway.phone(randomBytes(32), { version });
      const response = await stranger.ask("/gateway", {});
      assertEquals([response.status, await response.text()], [401, REFUSED]);
    }
    assertEquals(gateway.calls.length, 6);
  }
});

Deno.test("a body that breaks off is refused", async () => {
  const gateway = await makeGateway();
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("Connection reset")) });
  assertEquals((await gateway.post("/gateway", broken)).status, 400);
});

Deno.test("an answer of the gateway that is sent back as a request is refused", async () => {
  const gateway = await makeGateway();
  const answer = await (await gateway.post("/gateway", await gateway.seal({ timestamp: NOW }))).text();
  const event = await gateway.seal({
    type: "message",
    topic: "t",
    payload: "p",
    qos: 0,
    retain: false,
    timestamp: NOW,
  });
  for (const body of [answer, event]) {
    for (const path of ["/gateway", "/mqtt/publish"] as const) {
      const { status } = await gateway.answer(await gateway.post(path, body));
      assertEquals(status, 403);
    }
    const stream = await (await gateway.post("/mqtt/subscribe", body)).text();
    const refusal = await gateway.open(stream.replace("data: ", "").trim());
    assertEquals(Object(refusal).message, "Payload is a message of the gateway, not a request");
  }
  assertEquals(gateway.calls.length, 1);
});
