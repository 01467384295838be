/** Pairing over `POST /pair`: one key for one device, whatever is sent, repeated, or fails. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { memoryCounter } from "../../src/limits/rate_limiter.ts";
import { createRateLimits } from "../../src/limits/rate_limits.ts";
import { randomBytes, toBase64Url } from "../../src/protocol/bytes.ts";
import { PairingKeyring } from "../../src/gateway/pairing_keyring.ts";
import { parseRequest, sealRequest } from "../../src/protocol/exchange.ts";
import { deriveKeyId, importSecretKey } from "../../src/protocol/secret_key.ts";
import { isObject } from "../../src/lib/json.ts";
import { makeRecord, NOW } from "../support/gateway.ts";
import { FakeTime } from "../support/fake_time.ts";
import { KEEP_USED_SECONDS, makePairingGateway, secretOf, UNWRITABLE } from "../support/pairing_gateway.ts";

const FAILED = '{"error":"Decryption failed"}';

const errorOf = (body: unknown): Record<string, unknown> => JSON.parse(String(body));

Deno.test("/pair makes the same key on both sides, in force at once, with the rights of the code", async () => {
  const { gateway, file, makeCode, makeDevice } = await makePairingGateway();
  const expires = (NOW + 7200) * 1000;
  const device = await makeDevice(await makeCode("phone", { expires }));
  gateway.clock.seconds += 300;
  const answer = await device.pair({ label: "Ana's phone" });
  const secret = secretOf(answer);
  const kid = await deriveKeyId(secret);
  const [record] = file.records;
  assertEquals(answer.status, 200);
  const { public: point, ...body }: Record<string, unknown> = isObject(answer.body) ? answer.body : {};
  assertEquals(String(point).length, 87);
  const rights = JSON.parse(JSON.stringify(record?.rights));
  assertEquals(body, { name: "phone", kid, rights, expires: new Date(expires).toISOString() });
  assertEquals(record && { ...record, secret: record.secret.toHex(), rights: undefined }, {
    name: "phone",
    label: "Ana's phone",
    secret: secret.toHex(),
    created: NOW * 1000,
    expires,
    disabled: false,
    minProtocol: 2,
    rights: undefined,
  });
  const phone = await gateway.phone(secret, { version: 2 });
  assertEquals((await phone.request("/mqtt/publish", { topic: "t", message: "x" })).status, 200);
  assertEquals((await phone.request("/gateway", { method: "ping" })).status, 403);
});

Deno.test("/pair answers a code without expiry and a device without label", async () => {
  const { file, makeCode, makeDevice } = await makePairingGateway();
  const device = await makeDevice(await makeCode("phone"));
  const { body } = await device.pair({ label: null, unknown: 1 });
  assertEquals(Object.keys(body ?? {}).toSorted(), ["kid", "name", "public", "rights"]);
  assertEquals([file.records[0]?.label, file.records[0]?.expires], [undefined, undefined]);
});

Deno.test("/pair lets one of several exchanges with a code succeed, also at the same time", async () => {
  const { gateway, file, makeCode, makeDevice } = await makePairingGateway();
  const code = await makeCode("phone");
  const devices = await Promise.all([1, 2, 3, 4].map((index) => makeDevice(code, `192.0.2.${index}`)));
  const answers = await Promise.all(devices.map((device) => device.pair()));
  assertEquals(answers.map(({ status }) => status).toSorted(), [200, 409, 409, 409]);
  assertEquals(file.records.length, 1);
  const winner = answers.find(({ status }) => status === 200);
  assertEquals(file.records[0]?.secret, winner && secretOf(winner));
  for (const { body } of answers.filter(({ status }) => status === 409)) {
    assertEquals(errorOf(body).code, "already_paired");
  }
  assertEquals([gateway.failures, new Set(gateway.recorded.refused)], [[], new Set(["replay"])]);
});

Deno.test("/pair answers a later exchange with a used code by 409, then like an unknown one", async () => {
  const { gateway, file, makeCode, makeDevice } = await makePairingGateway();
  const code = await makeCode("phone");
  const [first, second] = [await makeDevice(code), await makeDevice(code)];
  await first.pair();
  gateway.clock.seconds += KEEP_USED_SECONDS - 1;
  assertEquals((await second.pair()).status, 409);
  gateway.clock.seconds += 1;
  const { status, text } = await second.pair();
  assertEquals([status, text], [401, FAILED]);
  assertEquals(file.records.length, 1);
});

Deno.test("/pair answers an identical repeat by the first answer, also while the first one runs", async () => {
  const { gateway, file, makeCode, makeDevice } = await makePairingGateway();
  const { phone, ephemeral } = await makeDevice(await makeCode("phone"));
  const { text } = await phone.sealNow("/pair", { public: ephemeral.publicPoint });
  const go = Promise.withResolvers<void>();
  file.beforeEdit = () => go.promise;
  const posts = [1, 2, 3].map(() => phone.post("/pair", text));
  go.resolve();
  const answers = await Promise.all((await Promise.all(posts)).map((response) => response.text()));
  assertEquals(new Set(answers).size, 1);
  gateway.clock.seconds += 59;
  assertEquals(await (await phone.post("/pair", text)).text(), answers[0]);
  assertEquals(file.records.length, 1);
  assertEquals(gateway.decisions.map(({ result }) => result).toSorted(), ["ok", "repeat", "repeat", "repeat"]);
});

Deno.test("/pair answers unknown, expired and withdrawn codes and foreign envelopes by the one 401", async () => {
  const { gateway, pairings, file, makeCode, makeDevice } = await makePairingGateway();
  const expired = await makeDevice(await makeCode("tablet", { expires: (NOW + 5) * 1000 }));
  const old = await makeDevice(await makeCode("old"));
  const withdrawn = await makeDevice(await makeCode("withdrawn"));
  const valid = await makeDevice(await makeCode("phone"));
  const unknown = await makeDevice(toBase64Url(randomBytes(16)));
  await pairings.removePairings("withdrawn");
  const stranger = await gateway.phone(gateway.secret, { version: 2 });
  const { text: forGateway } = await valid.phone.sealNow("/gateway", { public: valid.ephemeral.publicPoint });
  const { text } = await valid.phone.sealNow("/pair", { public: valid.ephemeral.publicPoint });
  const last = text.at(-2) === "A" ? "B" : "A";
  gateway.clock.seconds += 5;
  const version1 = await valid.phone.seal({ timestamp: gateway.clock.seconds, public: valid.ephemeral.publicPoint });
  const responses = [
    await unknown.phone.ask("/pair", { public: unknown.ephemeral.publicPoint }),
    await expired.phone.ask("/pair", { public: expired.ephemeral.publicPoint }),
    await withdrawn.phone.ask("/pair", { public: withdrawn.ephemeral.publicPoint }),
    await stranger.ask("/pair", { public: valid.ephemeral.publicPoint }),
    await gateway.post("/pair", forGateway),
    await gateway.post("/pair", text.slice(0, -2) + last + text.at(-1)),
    await gateway.post("/pair", version1),
    await gateway.post("/pair", ""),
    // A pairing key opens no other route.
    await valid.phone.ask("/gateway", { public: valid.ephemeral.publicPoint }),
    await valid.phone.ask("/subscribe", { service: "mqtt", topic: "t" }),
  ];
  gateway.clock.seconds += 595;
  responses.push(await old.phone.ask("/pair", { public: old.ephemeral.publicPoint }));
  for (const response of responses) {
    assertEquals([response.status, await response.text()], [401, FAILED]);
    assertEquals(response.headers.get("E2E-Protocol"), "2");
  }
  assertEquals([gateway.failures.length, file.records], [responses.length, []]);
});

Deno.test("/pair looks up, imports and opens once for an unknown id as for a known one", async () => {
  const imported: string[] = [];
  const found: string[] = [];
  const secret = randomBytes(32);
  const key = await importSecretKey(secret);
  const keyring = new PairingKeyring({
    pairings: {
      findPairing(kid) {
        found.push(kid);
        const pairing = { kid, secret, name: "phone", record: "{}", expires: 1, isUsed: false };
        return Promise.resolve(kid === key.kid ? pairing : undefined);
      },
    },
    now: () => 0,
    random: randomBytes,
    importSecretKey(bytes) {
      imported.push(bytes.toHex());
      return importSecretKey(bytes);
    },
    log: { error: () => {} },
  });
  for (const sender of [key, await importSecretKey(randomBytes(32))]) {
    const { text } = await sealRequest(sender, "{}", { version: 2, route: "/pair", random: randomBytes });
    const source = { address: "192.0.2.1", route: "/pair" } as const;
    await keyring.open(parseRequest(text), source).catch(() => {});
  }
  assertEquals([found.length, imported.length], [2, 2]);
  assertNotEquals(imported[1], imported[0]);
});

Deno.test("/pair names a wrong field, and the code stays valid", async () => {
  const { file, makeCode, makeDevice } = await makePairingGateway();
  const { pair, ephemeral } = await makeDevice(await makeCode("phone"));
  const off = toBase64Url(Uint8Array.of(4, ...new Uint8Array(64).fill(1)));
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ public: undefined }, "Missing required field: public"],
    [{ public: "" }, "Missing required field: public"],
    [{ public: 4 }, "Invalid field: public: must be"],
    [{ public: off }, "Invalid field: public: must be"],
    [{ public: `${ephemeral.publicPoint}=` }, "Invalid field: public: must be"],
    [{ public: [ephemeral.publicPoint] }, "Invalid field: public: must be"],
    [{ label: "" }, "Invalid field: label: must be"],
    [{ label: "x".repeat(65) }, "Invalid field: label: must be"],
    [{ label: "a\nb" }, "Invalid field: label: must be"],
    [{ label: "\u202egpj.exe" }, "Invalid field: label: must be"],
    [{ label: 7 }, "Invalid field: label: must be"],
    [{ service: "mqtt" }, "Invalid field: service: must be"],
  ];
  for (const [fields, part] of cases) {
    const { status, body } = await pair(fields);
    assertEquals([status, errorOf(body).code], [400, "field"]);
    assertStringIncludes(String(errorOf(body).error), part);
  }
  assertEquals(file.records, []);
  assertEquals((await pair({ label: "x".repeat(64) })).status, 200);
});

Deno.test("/pair refuses an expired request, and the code stays valid", async () => {
  const { makeCode, makeDevice } = await makePairingGateway();
  const { pair } = await makeDevice(await makeCode("phone"));
  const { status, body } = await pair({ timestamp: NOW - 61 });
  assertEquals([status, errorOf(body).code], [403, "expired"]);
  assertEquals((await pair()).status, 200);
});

Deno.test("/pair fails closed with the same answer for every id when the store of codes fails", async () => {
  const { gateway, faults, file, lines, makeCode, makeDevice } = await makePairingGateway();
  const valid = await makeDevice(await makeCode("phone"));
  const unknown = await makeDevice(toBase64Url(randomBytes(16)));
  faults.findPairing = () => Promise.reject(new Error("disk on fire"));
  const answers = [];
  for (const device of [valid, unknown]) {
    const response = await device.phone.ask("/pair", { public: device.ephemeral.publicPoint });
    answers.push([response.status, response.headers.get("Retry-After"), await response.text()]);
  }
  assertEquals(answers[0], [503, "5", '{"error":"Pairing codes are out of reach"}']);
  assertEquals(answers[1], answers[0]);
  assert(lines.includes("Pairing fails: disk on fire"));
  assertEquals([gateway.failures, file.records, gateway.recorded.refused], [[], [], ["store", "store"]]);
  delete faults.findPairing;
  assertEquals((await valid.pair()).status, 200);
});

Deno.test("/pair makes no key when the claim fails, and the code stays valid", async () => {
  const { faults, file, makeCode, makeDevice } = await makePairingGateway();
  const { pair } = await makeDevice(await makeCode("phone"));
  faults.claimPairing = () => Promise.reject(new Error("disk on fire"));
  const { status, body } = await pair();
  assertEquals([status, errorOf(body).code, file.records], [503, "internal", []]);
  delete faults.claimPairing;
  assertEquals((await pair()).status, 200);
});

Deno.test("/pair returns the claim when the keys file cannot be written", async () => {
  const { file, lines, makeCode, makeDevice } = await makePairingGateway();
  const code = await makeCode("phone");
  const [first, second] = [await makeDevice(code), await makeDevice(code)];
  file.fault = UNWRITABLE;
  const { status, body } = await first.pair();
  assertEquals([status, errorOf(body).code], [503, "internal"]);
  assert(!String(body).includes("keys.json"), "A path reached the device");
  assert(lines.includes(`Pairing of phone failed: ${UNWRITABLE.message}`), lines.join("\n"));
  delete file.fault;
  assertEquals((await second.pair()).status, 200);
  assertEquals((await first.pair()).status, 409);
});

Deno.test("/pair loses the code, and nothing else, when the claim cannot be returned", async () => {
  const { faults, file, lines, makeCode, makeDevice } = await makePairingGateway();
  const { pair } = await makeDevice(await makeCode("phone"));
  file.fault = UNWRITABLE;
  faults.returnPairing = () => Promise.reject(new Error("disk on fire"));
  assertEquals((await pair()).status, 503);
  assert(lines.includes("Pairing code of phone is lost: disk on fire"), lines.join("\n"));
  delete file.fault;
  assertEquals([(await pair()).status, file.records], [409, []]);
});

Deno.test("/pair refuses a name that another key took meanwhile, and the code works once it is free", async () => {
  const { file, makeCode, makeDevice } = await makePairingGateway();
  const { pair } = await makeDevice(await makeCode("phone"));
  const taken = makeRecord({ name: "phone" });
  file.records = [taken];
  const { status, body } = await pair();
  assertEquals([status, errorOf(body).code], [409, "pairing_conflict"]);
  assertStringIncludes(String(errorOf(body).error), "phone");
  assertEquals(file.records, [taken]);
  file.records = [];
  assertEquals((await pair()).status, 200);
});

Deno.test("/pair gives an existing key a new secret and label, and keeps its place, rights, times and rate", async () => {
  const { gateway, file, makeReplacementCode, makeDevice } = await makePairingGateway();
  const before = makeRecord({
    name: "phone",
    services: ["mqtt"],
    publish: ["#"],
    label: "Old phone",
    created: 1000,
    expires: (NOW + 9999) * 1000,
    rate: { perSecond: 3, burst: 9 },
    previous: { secret: randomBytes(32), until: (NOW + 999) * 1000 },
  });
  const others = [makeRecord({ name: "a" }), makeRecord({ name: "z" })];
  file.records = [...others.slice(0, 1), before, ...others.slice(1)];
  await gateway.keyring.replace({ single: gateway.secret, records: file.records });
  const old = await gateway.phone(before.secret);
  assertEquals((await old.request("/mqtt/publish", { topic: "t", message: "x" })).status, 200);
  const secret = secretOf(await (await makeDevice(await makeReplacementCode("phone"))).pair({ label: "New phone" }));
  const after = { ...before, secret, label: "New phone", previous: undefined, minProtocol: 2 as const };
  assertEquals(file.records, [...others.slice(0, 1), after, ...others.slice(1)]);
  assertEquals((await old.ask("/mqtt/publish", { topic: "t", message: "x" })).status, 401);
});

Deno.test("/pair refuses to replace a key that was removed meanwhile", async () => {
  const { file, makeReplacementCode, makeDevice } = await makePairingGateway();
  const { status, body } = await (await makeDevice(await makeReplacementCode("phone"))).pair();
  assertEquals([status, errorOf(body).code, file.records], [409, "pairing_conflict", []]);
});

Deno.test("/pair refuses a stored key that is not valid, and makes none", async () => {
  const { file, lines, pairings, makeCode, makeDevice } = await makePairingGateway();
  const { pair, phone } = await makeDevice(await makeCode("phone"));
  const found = await pairings.findPairing(phone.key.kid, NOW * 1000);
  if (found === undefined) throw new Error("There is no code");
  const record = '{"name":"phone","created":"2026-01-01T00:00:00Z","rights":{"none":{}}}';
  await pairings.addPairing({ ...found, record }, { now: NOW * 1000, max: 9 });
  assertEquals([(await pair()).status, file.records], [500, []]);
  assertStringIncludes(lines.join("\n"), "no such service");
});

Deno.test("/pair counts guesses like other failures, together with those on other routes", async () => {
  using _time = new FakeTime();
  const rates = createRateLimits({
    address: { burst: 100, perSecond: 100 },
    failed: { burst: 4, perSecond: 1 },
    key: { burst: 100, perSecond: 100 },
    createCounter: memoryCounter,
  });
  const { gateway, makeCode, makeDevice } = await makePairingGateway({ rates });
  const code = await makeCode("phone");
  const peer = "198.51.100.7";
  const statuses = [];
  for (let guess = 0; guess < 6; guess += 1) {
    const device = await makeDevice(toBase64Url(randomBytes(16)), peer);
    const route = guess % 2 === 0 ? "/pair" : "/gateway";
    statuses.push((await device.phone.ask(route, { public: device.ephemeral.publicPoint })).status);
  }
  assertEquals(statuses, [401, 401, 401, 401, 429, 429]);
  assertEquals(gateway.failures.length, 4);
  // Others are not concerned, and neither is a device with the right code behind the same address.
  assertEquals((await (await makeDevice(code, peer)).pair()).status, 200);
});

Deno.test("/pair limits the requests of each code", async () => {
  using _time = new FakeTime();
  const rates = createRateLimits({
    address: { burst: 100, perSecond: 100 },
    failed: { burst: 100, perSecond: 100 },
    key: { burst: 2, perSecond: 1 },
    createCounter: memoryCounter,
  });
  const { file, makeCode, makeDevice, makeReplacementCode, gateway } = await makePairingGateway({ rates });
  const { pair } = await makeDevice(await makeCode("tablet"));
  const statuses = [];
  for (let index = 0; index < 3; index += 1) statuses.push((await pair({ label: "" })).status);
  assertEquals(statuses, [400, 400, 429]);
  // The holder of a key cannot use up the requests of its replacement.
  const stolen = makeRecord({ name: "phone", services: ["mqtt"], publish: ["#"] });
  file.records = [stolen];
  await gateway.keyring.replace({ single: undefined, records: file.records });
  const thief = await gateway.phone(stolen.secret);
  for (let index = 0; index < 3; index += 1) await thief.ask("/mqtt/publish", { topic: "t", message: "x" });
  assertEquals((await (await makeDevice(await makeReplacementCode("phone"))).pair()).status, 200);
});

Deno.test("/pair is audited, counted and logged without the code or a key", async () => {
  const { gateway, file, lines, makeCode, makeDevice } = await makePairingGateway();
  const code = await makeCode("phone");
  const { pair, phone } = await makeDevice(code);
  await pair({ label: "" });
  const secret = secretOf(await pair({ label: "Ana's phone" }));
  const [first, second] = gateway.decisions.map(({ ms: _, bytes: _bytes, requestId: _id, ...decision }) => decision);
  const common = { key: "pair:phone", kid: phone.key.kid, address: "192.0.2.1", route: "/pair", service: "pair" };
  assertEquals(second, { ...common, target: undefined, outcome: "200", result: "ok" });
  assertEquals(first?.result, "refused");
  assert(lines.includes("Device Ana's phone paired as phone"), lines.join("\n"));
  assertEquals(gateway.recorded.operations.filter((operation) => operation === "pair").length, 2);
  const written = JSON.stringify([lines, gateway.decisions]);
  for (const hidden of [code, secret.toHex(), file.records[0]?.secret.toHex() ?? ""]) {
    assert(!written.includes(hidden), "A secret was written");
  }
});
