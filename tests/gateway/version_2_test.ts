/** Version 2 on the routes that answer with one envelope. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { EnvelopeError } from "../../src/protocol/aead.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { sealRequest } from "../../src/protocol/exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { makeGateway, makeRecord, NOW } from "../support/gateway.ts";

const FAILED = '{"error":"Decryption failed"}';
const EXPIRED = '{"error":"Request expired","code":"expired"}';

/** Creates a gateway and a client of version 2. */
async function makeHome() {
  const gateway = await makeGateway();
  return { gateway, phone: await gateway.phone(gateway.secret, { version: 2 }) };
}

/** Fails unless a response is the one to a request that no key opens. */
async function assertFailed(response: Response): Promise<void> {
  assertEquals([response.status, await response.text()], [401, FAILED]);
}

Deno.test("a request of version 2 runs, and its answer is of version 2", async () => {
  const { gateway, phone } = await makeHome();
  for (const route of ["/gateway", "/mqtt/publish"] as const) {
    const { response, exchange } = await phone.exchange(route, {});
    const text = await response.clone().text();
    assert(text.startsWith("2."));
    assertEquals((await phone.answer(response, exchange)).status, 200);
    await assertRejects(() => gateway.open(text), EnvelopeError);
  }
  assertEquals(gateway.calls.length, 2);
});

Deno.test("both versions work with the same key at the same time", async () => {
  const { gateway, phone } = await makeHome();
  const answers = await Promise.all([1, 2, 3].flatMap(() => [
    phone.request("/gateway", {}),
    gateway.request("/gateway", {}),
  ]));
  assertEquals(answers.map(({ status }) => status), Array(6).fill(200));
  assertEquals(gateway.calls.length, 6);
});

Deno.test("a request that is sent to another route is not opened", async () => {
  const { gateway, phone } = await makeHome();
  const routes: readonly Route[] = ["/gateway", "/mqtt/publish", "/mqtt/subscribe"];
  for (const route of routes) {
    const { text } = await phone.sealNow(route, { topic: "t", message: "x" });
    for (const other of routes.filter((one) => one !== route)) await assertFailed(await gateway.post(other, text));
  }
  assertEquals(gateway.calls, []);
});

Deno.test("answers that a relay swaps between two requests open for neither", async () => {
  const { phone } = await makeHome();
  const one = await phone.exchange("/gateway", {});
  const other = await phone.exchange("/gateway", {});
  await assertRejects(() => phone.answer(one.response, other.exchange), EnvelopeError);
  await assertRejects(() => phone.answer(other.response, one.exchange), EnvelopeError);
});

Deno.test("an answer that is sent back as a request is refused", async () => {
  const { gateway, phone } = await makeHome();
  const { response } = await phone.exchange("/gateway", {});
  const [, sealed = ""] = (await response.text()).split(".");
  await assertFailed(await gateway.post("/gateway", `2.${phone.key.kid}.${sealed}`));
  await assertFailed(await gateway.post("/gateway", `2.${sealed}`));
});

Deno.test("a repeat gets the first answer, byte for byte, and runs nothing", async () => {
  const { gateway, phone } = await makeHome();
  const { text, exchange } = await phone.sealNow("/gateway", {});
  const [first, second] = await Promise.all([gateway.post("/gateway", text), gateway.post("/gateway", text)]);
  const answer = await first.clone().text();
  assertEquals(await second.text(), answer);
  assertEquals(await (await gateway.post("/gateway", text)).text(), answer);
  assertEquals((await phone.answer(first, exchange)).status, 200);
  assertEquals(gateway.calls.length, 1);
});

Deno.test("a reused salt is refused", async () => {
  const { gateway, phone } = await makeHome();
  const salt = randomBytes(16);
  const key = await importSecretKey(gateway.secret);
  const seal = (n: number) =>
    sealRequest(key, JSON.stringify({ timestamp: NOW, n }), { version: 2, route: "/gateway", random: () => salt });
  await gateway.post("/gateway", (await seal(1)).text);
  const { text, exchange } = await seal(2);
  const { status, body } = await phone.answer(await gateway.post("/gateway", text), exchange);
  assertEquals([status, body], [403, '{"error":"Salt used before: take a fresh random one","code":"salt_reused"}']);
  assertEquals(gateway.calls.length, 1);
});

Deno.test("the answer to an expired request has the gateway's time, and opens for that request alone", async () => {
  const { gateway, phone } = await makeHome();
  gateway.clock.seconds = NOW + 1000;
  for (const timestamp of [0, NOW, undefined, NOW + 2000]) {
    assertEquals(await phone.request("/gateway", { timestamp }), {
      status: 403,
      body: EXPIRED,
      timestamp: gateway.clock.seconds,
    });
  }
  assertEquals(gateway.calls, []);
});

Deno.test("every malformed request of version 2 gets the same bytes", async () => {
  const { gateway, phone } = await makeHome();
  const { text } = await phone.sealNow("/gateway", {});
  const unknownPhone = await gateway.phone(randomBytes(32), { version: 2 });
  const { text: strange } = await unknownPhone.sealNow("/gateway", {});
  const [, , sealed = ""] = text.split(".");
  const wrong = [
    strange,
    `2.${phone.key.kid}.${strange.split(".")[2]}`,
    `2.${unknownPhone.key.kid}.${sealed}`,
    `2.${phone.key.kid.toUpperCase()}.${sealed}`,
    `${text}=`,
    `${text}\n`,
    ` ${text}`,
    text.slice(0, -1),
    `3${text.slice(1)}`,
    `2.${phone.key.kid}.`,
    `2.${phone.key.kid}`,
    "2..",
    "2.",
    ".",
  ];
  for (const body of wrong) await assertFailed(await gateway.post("/gateway", body));
  assertEquals(gateway.failures.length, wrong.length);
  assertEquals(gateway.calls, []);
});

Deno.test("a key of minProtocol 2 opens no request of version 1, named or not", async () => {
  const gateway = await makeGateway();
  const record = makeRecord({ name: "modern", services: ["jeedom"], minProtocol: 2 });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  const modern = await gateway.phone(record.secret, { version: 2 });
  const { status } = await modern.request("/gateway", {});
  assertEquals(status, 200);
  const old = await gateway.phone(record.secret);
  await assertFailed(await old.ask("/gateway", {}));
  const named = await gateway.phone(record.secret, { headers: { "E2E-Key-Id": modern.key.kid } });
  await assertFailed(await named.ask("/gateway", {}));
  assertEquals(gateway.calls.length, 1);
});

Deno.test("the key id header is ignored in version 2", async () => {
  const { gateway } = await makeHome();
  const phone = await gateway.phone(gateway.secret, { version: 2, headers: { "E2E-Key-Id": "0000000000000000" } });
  assertEquals((await phone.request("/gateway", {})).status, 200);
});

Deno.test("each answer of version 2 has its own salt", async () => {
  const { phone } = await makeHome();
  const salts = await Promise.all(Array.from({ length: 50 }, async () => {
    const { response } = await phone.exchange("/gateway", {});
    return (await response.text()).slice(2, 23);
  }));
  assertEquals(new Set(salts).size, 50);
});

Deno.test("a repeat whose answer was not kept gets its error under a new salt", async () => {
  const gateway = await makeGateway({
    replays: {
      claim: () => ({ kind: "repeat", answer: Promise.resolve(undefined) }),
      recall: () => ({ kind: "unknown" }),
      check: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
  });
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  const { text, exchange } = await phone.sealNow("/gateway", {});
  const [one, other] = [await gateway.post("/gateway", text), await gateway.post("/gateway", text)];
  assertNotEquals(await one.clone().text(), await other.clone().text());
  assertEquals([(await phone.answer(one, exchange)).status, (await phone.answer(other, exchange)).status], [409, 409]);
  assertEquals(gateway.calls, []);
});
