import { assert, assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { EnvelopeError } from "../../src/protocol/aead.ts";
import { type Bytes, randomBytes } from "../../src/protocol/bytes.ts";
import { parseEnvelope, sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { parseRequestV2, sealRequestV2 } from "../../src/protocol/v2/envelope.ts";
import { deriveKeyId, importKey, type ImportSecretKey, importSecretKey } from "../../src/protocol/secret_key.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import { type KeyDetails, type KeySources, LiveKeyring } from "../../src/keys/keyring.ts";
import { allRights } from "../../src/keys/rights.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { rightsOf } from "../support/rights.ts";
import { makeRecord, NOW } from "../support/gateway.ts";

const route = "/gateway";

function makeKeyring(importSecretKey?: ImportSecretKey) {
  const clock = { seconds: NOW };
  const options = { now: () => clock.seconds * 1000, random: randomBytes, allRights: allRights(SERVICES) };
  return {
    clock,
    keyring: new LiveKeyring(importSecretKey === undefined ? options : { ...options, importSecretKey }),
  };
}

const only = (...records: KeyRecord[]): KeySources => ({ single: undefined, records });

async function sealed(secret: Bytes) {
  return parseEnvelope(await sealEnvelope(await importKey(secret), "{}", randomBytes));
}

async function opens(keyring: LiveKeyring, secret: Bytes, kid?: string): Promise<string | undefined> {
  try {
    return (await keyring.open(await sealed(secret), { route, address: "a", kid })).key.name;
  } catch (error) {
    assert(error instanceof EnvelopeError);
    return undefined;
  }
}

async function sealedV2(secret: Bytes) {
  const { text } = await sealRequestV2(await importSecretKey(secret), "{}", { route, random: randomBytes });
  return parseRequestV2(text);
}

async function opensV2(keyring: LiveKeyring, secret: Bytes): Promise<string | undefined> {
  try {
    return (await keyring.open(await sealedV2(secret), { route, address: "a" })).key.name;
  } catch (error) {
    assert(error instanceof EnvelopeError);
    return undefined;
  }
}

/** Counts the calls of WebCrypto of an operation, which has to await each of them. */
async function countingCalls(name: "decrypt" | "deriveKey", work: () => Promise<unknown>): Promise<number> {
  const original: (...args: never[]) => Promise<unknown> = crypto.subtle[name];
  let count = 0;
  let running = 0;
  const counted = (...args: never[]) => {
    count += 1;
    running += 1;
    return original.apply(crypto.subtle, args).finally(() => running -= 1);
  };
  Object.defineProperty(crypto.subtle, name, { value: counted, configurable: true });
  try {
    await work();
    assertEquals(running, 0, "Calls still under way");
    return count;
  } finally {
    Reflect.deleteProperty(crypto.subtle, name);
  }
}

const countingDecryptions = (work: () => Promise<unknown>) => countingCalls("decrypt", work);

/** Returns the key that opens an envelope sealed with a secret. */
async function keyOf(keyring: LiveKeyring, secret: Bytes) {
  return (await keyring.open(await sealed(secret), { route, address: "a" })).key;
}

Deno.test("open() finds the key among many, and nothing without keys", async () => {
  const { keyring } = makeKeyring();
  const records = Array.from({ length: 20 }, (_, index) => makeRecord({ name: `k${index}` }));
  assertEquals(await opens(keyring, randomBytes(32)), undefined);
  await keyring.replace(only(...records));
  for (const { name, secret } of records) assertEquals(await opens(keyring, secret), name);
  assertEquals(await opens(keyring, randomBytes(32)), undefined);
});

Deno.test("open() with a named key tries that one and no other", async () => {
  const { keyring } = makeKeyring();
  const [one, other] = [makeRecord({ name: "one" }), makeRecord({ name: "other" })];
  await keyring.replace(only(one, other));
  const kid = await deriveKeyId(one.secret);
  assertEquals(await opens(keyring, one.secret, kid), "one");
  assertEquals(await opens(keyring, other.secret, kid), undefined);
  for (const unknown of ["", "0000000000000000", kid.toUpperCase(), "one"]) {
    assertEquals(await opens(keyring, one.secret, unknown), undefined, unknown);
  }
});

Deno.test("open() does one decryption for a named key, whether it exists or not", async () => {
  const { keyring } = makeKeyring();
  const records = Array.from({ length: 10 }, (_, index) => makeRecord({ name: `k${index}` }));
  await keyring.replace(only(...records));
  const envelope = await sealed(randomBytes(32));
  const known = await deriveKeyId(records[0]?.secret ?? randomBytes(32));
  for (const [kid, expected] of [[known, 1], ["0000000000000000", 1], [undefined, 10]] as const) {
    const open = () => assertRejects(() => keyring.open(envelope, { route, address: "a", kid }), EnvelopeError);
    assertEquals(await countingDecryptions(open), expected, kid);
  }
});

Deno.test("open() derives and decrypts once for a request of version 2, whether its key exists or not", async () => {
  const { keyring } = makeKeyring();
  const records = Array.from({ length: 10 }, (_, index) => makeRecord({ name: `k${index}` }));
  await keyring.replace(only(...records));
  const [record] = records;
  const good = await sealedV2(record?.secret ?? randomBytes(32));
  const changed = { ...good, ciphertext: good.ciphertext.map((byte) => byte ^ 1) };
  const strange = await sealedV2(randomBytes(32));
  for (const envelope of [good, changed, strange]) {
    const open = () => keyring.open(envelope, { route, address: "a" }).catch(() => {});
    assertEquals(await countingCalls("deriveKey", open), 1);
    assertEquals(await countingCalls("decrypt", open), 1);
  }
});

Deno.test("open() tries the keys first that an address used last, and still finds every other one there", async () => {
  const { keyring } = makeKeyring();
  const records = Array.from({ length: 10 }, (_, index) => makeRecord({ name: `k${index}` }));
  await keyring.replace(only(...records));
  const [one, other] = [
    await sealed(records[3]?.secret ?? randomBytes(32)),
    await sealed(records[7]?.secret ?? randomBytes(32)),
  ];
  assertEquals(await countingDecryptions(() => keyring.open(one, { route, address: "a" })), 10);
  assertEquals(await countingDecryptions(() => keyring.open(one, { route, address: "a" })), 1);
  assertEquals(await countingDecryptions(() => keyring.open(other, { route, address: "a" })), 10);
  assertEquals((await keyring.open(other, { route, address: "a" })).key.name, "k7");
  for (let index = 0; index < 2000; index++) await keyring.open(one, { route, address: String(index) });
  assertEquals(
    await countingDecryptions(() => keyring.open(other, { route, address: "a" })),
    1,
    "Pushed out by another",
  );
  assertEquals(await countingDecryptions(() => keyring.open(one, { route, address: "a" })), 10, "Not cached forever");
});

Deno.test("open() with few keys tries those that the address used, or the one that is named", async () => {
  const { keyring } = makeKeyring();
  const records = Array.from({ length: 10 }, (_, index) => makeRecord({ name: `k${index}` }));
  await keyring.replace(only(...records));
  const secretOf = (index: number) => records[index]?.secret ?? randomBytes(32);
  for (const index of [3, 7]) await keyring.open(await sealed(secretOf(index)), { route, address: "a" });
  const few = { route, address: "a", fewKeys: true } as const;
  for (const index of [3, 7]) {
    assertEquals((await keyring.open(await sealed(secretOf(index)), few)).key.name, `k${index}`);
  }
  const strange = await sealed(secretOf(5));
  const refused = () => assertRejects(() => keyring.open(strange, few), EnvelopeError);
  assertEquals(await countingDecryptions(refused), 2);
  const elsewhere = () => assertRejects(() => keyring.open(strange, { ...few, address: "b" }), EnvelopeError);
  assertEquals(await countingDecryptions(elsewhere), 0);
  assertEquals((await keyring.open(strange, { ...few, kid: await deriveKeyId(secretOf(5)) })).key.name, "k5");
});

/** Imports secrets without cryptography: a key opens the envelopes whose first byte is its own. Counts the tries. */
function makeFakeImport() {
  const counted = { tries: 0, onTry: () => {} };
  const importFake: ImportSecretKey = async (secret) => ({
    ...await importSecretKey(secret),
    aead: {
      encrypt: () => Promise.reject(new Error("Not sealed in this test")),
      decrypt({ 0: first }) {
        counted.tries += 1;
        counted.onTry();
        if (first !== secret[0]) throw new Error("Another key");
        return new TextEncoder().encode("{}");
      },
    },
  });
  return { importFake, counted };
}

const fakeEnvelope = (first: number, bytes = 200) =>
  ({ version: 1, nonce: new Uint8Array(12), ciphertext: new Uint8Array(bytes).fill(first) }) as const;

/** Returns records whose secrets begin with 0, and one more, whose secret begins with 1. */
function makeMany(count: number): { readonly records: KeyRecord[]; readonly last: KeyRecord } {
  const secretFrom = (first: number) => randomBytes(32).fill(first, 0, 1);
  const records = Array.from({ length: count }, (_, index) => makeRecord({ name: `k${index}`, secret: secretFrom(0) }));
  return { records, last: makeRecord({ name: "last", secret: secretFrom(1) }) };
}

Deno.test("open() lets named requests pass while attackers' envelopes are tried with 10,000 keys", async () => {
  const { importFake, counted } = makeFakeImport();
  const { keyring } = makeKeyring(importFake);
  const COUNT = 10_000;
  const ATTACKERS = 8;
  const { records, last } = makeMany(COUNT);
  await keyring.replace(only(...records, last));
  const kid = await deriveKeyId(last.secret);
  const order: string[] = [];
  const attackers = Array.from({ length: ATTACKERS }, async (_, index) => {
    await assertRejects(() => keyring.open(fakeEnvelope(255), { route, address: `attacker ${index}` }), EnvelopeError);
    order.push("attacker");
  });
  // After they have begun, as a new task of the event loop.
  await new Promise((resolve) => setTimeout(resolve));
  assert(counted.tries > 0 && counted.tries < COUNT, `${counted.tries} tries before the first task`);
  await keyring.open(fakeEnvelope(1), { route, address: "phone", kid });
  order.push("phone");
  await Promise.all(attackers);
  assertEquals(order, ["phone", ...Array.from({ length: ATTACKERS }, () => "attacker")]);
  assertEquals(counted.tries, ATTACKERS * (COUNT + 1) + 1, "Each attacker costs all keys, and no more");
});

Deno.test("open() tries a bounded number of keys and bytes between two turns of the event loop", async () => {
  const { importFake, counted } = makeFakeImport();
  const { keyring } = makeKeyring(importFake);
  const { records } = makeMany(1000);
  await keyring.replace(only(...records));
  for (const [bytes, expected] of [[200, 32], [2 ** 17, 8], [2 ** 20, 1]] as const) {
    const turns: number[] = [];
    let sinceTurn = 0;
    counted.onTry = () => {
      sinceTurn += 1;
      if (sinceTurn > 1) return;
      setImmediate(() => {
        turns.push(sinceTurn);
        sinceTurn = 0;
      });
    };
    const address = String(bytes);
    await assertRejects(() => keyring.open(fakeEnvelope(255, bytes), { route, address }), EnvelopeError);
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(Math.max(...turns), expected, `${bytes} bytes`);
  }
});

Deno.test("open() finds the key of a new address in its turn, among attackers who sent before", async () => {
  const { importFake } = makeFakeImport();
  const { keyring } = makeKeyring(importFake);
  const { records, last } = makeMany(100);
  await keyring.replace(only(...records, last));
  const order: string[] = [];
  const flood = Array.from({ length: 10 }, async () => {
    await assertRejects(() => keyring.open(fakeEnvelope(255), { route, address: "attacker" }), EnvelopeError);
    order.push("attacker");
  });
  const phone = keyring.open(fakeEnvelope(1), { route, address: "phone" }).then(() => order.push("phone"));
  await Promise.all([...flood, phone]);
  // One runs, and one came before.
  assertEquals(order.indexOf("phone"), 2);
});

Deno.test("open() tries all keys once for several first requests of an address that have the same key", async () => {
  const { importFake, counted } = makeFakeImport();
  const { keyring } = makeKeyring(importFake);
  const { records, last } = makeMany(100);
  await keyring.replace(only(...records, last));
  const open = () => keyring.open(fakeEnvelope(1), { route, address: "phone" });
  const opened = await Promise.all([open(), open(), open()]);
  assertEquals(opened.map(({ key }) => key.name), ["last", "last", "last"]);
  assertEquals(counted.tries, 101 + 2);
});

Deno.test("open() tries as many keys whichever one is right, so that the time shows none", async () => {
  const { importFake, counted } = makeFakeImport();
  const { records, last } = makeMany(100);
  for (const sorted of [[last, ...records], [...records, last]]) {
    const { keyring } = makeKeyring(importFake);
    await keyring.replace(only(...sorted));
    counted.tries = 0;
    await keyring.open(fakeEnvelope(1), { route, address: "phone" });
    assertEquals(counted.tries, 101);
  }
});

Deno.test("open() refuses a key that is revoked while the others are tried", async () => {
  const { importFake, counted } = makeFakeImport();
  const { keyring } = makeKeyring(importFake);
  const { records, last } = makeMany(1000);
  await keyring.replace(only(last, ...records));
  const opened = keyring.open(fakeEnvelope(1), { route, address: "phone" });
  const refused = assertRejects(() => opened, EnvelopeError);
  while (counted.tries === 0) await new Promise((resolve) => setTimeout(resolve));
  const removal = keyring.replace(only(...records));
  await Promise.all([refused, removal]);
});

Deno.test("open() rejects keys that are disabled, expired, or of another protocol version", async () => {
  const { keyring, clock } = makeKeyring();
  const expiring = makeRecord({ name: "expiring", expires: (NOW + 10) * 1000 });
  const disabled = makeRecord({ name: "disabled", disabled: true });
  const later = makeRecord({ name: "later", minProtocol: 2 });
  await keyring.replace(only(expiring, disabled, later));
  assertEquals(await opens(keyring, disabled.secret), undefined);
  assertEquals(await opens(keyring, later.secret), undefined);
  assertEquals(await opensV2(keyring, later.secret), "later");
  assertEquals(await opens(keyring, expiring.secret), "expiring");
  clock.seconds = NOW + 10;
  assertEquals(await opens(keyring, expiring.secret), undefined);
});

Deno.test("a key that has expired stays so when the clock is set back", async () => {
  const { keyring, clock } = makeKeyring();
  const record = makeRecord({ name: "k", expires: (NOW + 10) * 1000 });
  await keyring.replace(only(record));
  const { revoked } = await keyOf(keyring, record.secret);
  clock.seconds = NOW + 11;
  keyring.expire();
  assertEquals([revoked.aborted, revoked.reason.message], [true, "Key k has expired"]);
  clock.seconds = NOW;
  assertEquals(await opens(keyring, record.secret), undefined);
});

Deno.test("replace() revokes what was removed, disabled or changed, and nothing else", async () => {
  const { keyring } = makeKeyring();
  const make = (name: string) => makeRecord({ name, services: ["mqtt"], subscribe: ["#"] });
  const [kept, removed, disabled, narrowed] = [make("kept"), make("removed"), make("disabled"), make("narrowed")];
  const records = [kept, removed, disabled, narrowed];
  await keyring.replace(only(...records));
  const keys = await Promise.all(records.map(({ secret }) => keyOf(keyring, secret)));
  await keyring.replace(
    only(kept, { ...disabled, disabled: true }, {
      ...narrowed,
      rights: rightsOf({ services: ["mqtt"], subscribe: ["a"] }),
    }),
  );
  assertEquals(keys.map(({ revoked }) => revoked.reason?.message), [
    undefined,
    "Key removed was removed or disabled",
    "Key disabled was removed or disabled",
    "Key narrowed was changed: connect again",
  ]);
  assertEquals(await keyOf(keyring, kept.secret), keys[0]);
  assertEquals((await keyOf(keyring, narrowed.secret)).scope.useService("mqtt")["subscribe"], ["a"]);
});

Deno.test("replace() keeps a key whose label or expiry alone changes", async () => {
  const { keyring } = makeKeyring();
  const record = makeRecord({ name: "phone" });
  await keyring.replace(only(record));
  const key = await keyOf(keyring, record.secret);
  for (const change of [{ label: "Anna's phone" }, { label: "Tablet" }, { expires: (NOW + 60) * 1000 }, {}]) {
    await keyring.replace(only({ ...record, ...change }));
    assertEquals(await keyOf(keyring, record.secret), key, JSON.stringify(change));
  }
});

Deno.test("a rotated key is usable with both secrets until the overlap ends, as one name with two ids", async () => {
  const { keyring, clock } = makeKeyring();
  const before = makeRecord({ name: "k" });
  await keyring.replace(only(before));
  const old = await keyOf(keyring, before.secret);
  const after = { ...before, secret: randomBytes(32), previous: { secret: before.secret, until: (NOW + 60) * 1000 } };
  await keyring.replace(only(after));
  assertEquals([await opens(keyring, before.secret), await opens(keyring, after.secret)], ["k", "k"]);
  assertEquals(await keyOf(keyring, before.secret), old, "Streams of the old secret would have been ended");
  assert((await keyOf(keyring, after.secret)).kid !== old.kid);
  clock.seconds = NOW + 60;
  keyring.expire();
  assertEquals([await opens(keyring, before.secret), await opens(keyring, after.secret)], [undefined, "k"]);
  assertEquals(old.revoked.reason.message, "Key k was rotated: this secret is the old one");
});

Deno.test("the old secret of a rotation does not outlive the key", async () => {
  const { keyring, clock } = makeKeyring();
  const old = randomBytes(32);
  const expires = (NOW + 10) * 1000;
  await keyring.replace(only(makeRecord({ name: "k", expires, previous: { secret: old, until: expires * 2 } })));
  clock.seconds = NOW + 10;
  assertEquals(await opens(keyring, old), undefined);
});

Deno.test("the default key has all rights and the name default, beside all others", async () => {
  const { keyring } = makeKeyring();
  const single = randomBytes(32);
  const record = makeRecord({ name: "k" });
  await keyring.replace({ single, records: [record] });
  const key = await keyOf(keyring, single);
  assertEquals(key.name, "default");
  assertEquals(SERVICES.map(({ name }) => key.scope.useService(name)), SERVICES.map(({ rights }) => rights.all));
  assertEquals(await opens(keyring, record.secret), "k");
  await keyring.replace(only(record));
  assertEquals(key.revoked.reason.message, "Key default was removed or disabled");
});

Deno.test("expiryByName has the expiry of each usable key, for a rotated key that of the new secret", async () => {
  const { keyring, clock } = makeKeyring();
  const previous = { secret: randomBytes(32), until: (NOW + 5) * 1000 };
  const records = [
    makeRecord({ name: "forever", previous }),
    makeRecord({ name: "guest", expires: (NOW + 10) * 1000, previous }),
    makeRecord({ name: "off", disabled: true }),
  ];
  await keyring.replace({ single: randomBytes(32), records });
  const all = new Map<string, number | undefined>([["default", undefined], ["forever", undefined]]);
  assertEquals(keyring.expiryByName, new Map([...all, ["guest", (NOW + 10) * 1000]]));
  clock.seconds = NOW + 10;
  assertEquals(keyring.expiryByName, all);
});

Deno.test("identify() returns the key of an id and why it does not open, for current and removed secrets", async () => {
  const { clock, keyring } = makeKeyring();
  const record = makeRecord({ name: "phone" });
  const old = await deriveKeyId(record.secret);
  assertEquals(keyring.identify(old, 2), undefined);
  await keyring.replace(only(record));
  assertEquals(keyring.identify(old, 2), { name: "phone", state: "in_force" });
  await keyring.replace(only({ ...record, minProtocol: 2 }));
  assertEquals([1, 2].map((version) => keyring.identify(old, version === 1 ? 1 : 2)?.state), [
    "old_version",
    "in_force",
  ]);

  const fresh = randomBytes(32);
  const rotated = { ...record, secret: fresh, previous: { secret: record.secret, until: (NOW + 60) * 1000 } };
  await keyring.replace(only(rotated));
  assertEquals(keyring.identify(old, 2)?.state, "in_force");
  clock.seconds += 60;
  assertEquals(keyring.identify(old, 2), { name: "phone", state: "old_secret" });
  // The command removes it from the file.
  const { previous: _, ...kept } = rotated;
  await keyring.replace(only(kept));
  assertEquals(keyring.identify(old, 2), { name: "phone", state: "old_secret" });
  await keyring.replace(only({ ...kept, disabled: true }));
  for (const kid of [old, await deriveKeyId(fresh)]) assertEquals(keyring.identify(kid, 2)?.state, "disabled");
  await keyring.replace(only({ ...kept, expires: clock.seconds * 1000 }));
  assertEquals(keyring.identify(await deriveKeyId(fresh), 2), { name: "phone", state: "expired" });
  await keyring.replace(only());
  for (const kid of [old, await deriveKeyId(fresh)]) {
    assertEquals(keyring.identify(kid, 2), { name: "phone", state: "removed" });
  }
  assertEquals(keyring.identify("", 1), undefined);
});

Deno.test("identify() finds disabled and expired keys and old secrets from the file alone", async () => {
  const { keyring } = makeKeyring();
  const past = (NOW - 1) * 1000;
  const disabled = makeRecord({ name: "guest", disabled: true });
  const expired = makeRecord({ name: "brief", expires: past });
  const rotated = makeRecord({ name: "phone", previous: { secret: randomBytes(32), until: past } });
  await keyring.replace(only(disabled, expired, rotated));
  const states = [disabled.secret, expired.secret, rotated.previous?.secret ?? randomBytes(32)].map(async (secret) =>
    keyring.identify(await deriveKeyId(secret), 2)
  );
  assertEquals(await Promise.all(states), [
    { name: "guest", state: "disabled" },
    { name: "brief", state: "expired" },
    { name: "phone", state: "old_secret" },
  ]);
});

Deno.test("identify() reports a key as expired, also after the clock is set back", async () => {
  const { clock, keyring } = makeKeyring();
  const record = makeRecord({ name: "brief", expires: (NOW + 10) * 1000 });
  await keyring.replace(only(record));
  clock.seconds += 10;
  keyring.expire();
  clock.seconds -= 10;
  assertEquals(keyring.identify(await deriveKeyId(record.secret), 2), { name: "brief", state: "expired" });
});

Deno.test("identify() drops the secrets that were removed first", async () => {
  const { keyring } = makeKeyring();
  const records = Array.from({ length: 1001 }, (_, index) => makeRecord({ name: `k${index}` }));
  await keyring.replace(only(...records));
  await keyring.replace(only());
  const states = records.map(async ({ secret }) => keyring.identify(await deriveKeyId(secret), 2)?.state);
  const [first, ...others] = await Promise.all(states);
  assertEquals(first, undefined);
  assertEquals(new Set(others), new Set(["removed"]));
});

Deno.test("find() returns the details of a key in force by the id of either secret, and none of its secrets", async () => {
  const { keyring, clock } = makeKeyring();
  const old = randomBytes(32);
  const [until, expires] = [(NOW + 60) * 1000, (NOW + 3600) * 1000];
  const record = makeRecord({ name: "phone", label: "Tablet", expires, previous: { secret: old, until } });
  await keyring.replace(only(record));
  const [kid, oldKid] = await Promise.all([record.secret, old].map(deriveKeyId));
  const details: KeyDetails = {
    name: "phone",
    label: "Tablet",
    rights: {},
    expires,
    minProtocol: 1,
    created: NOW * 1000,
    isPrevious: false,
  };
  assertEquals(keyring.find(kid ?? ""), details);
  assertEquals(keyring.find(oldKid ?? ""), { ...details, expires: until, isPrevious: true });
  assertEquals(keyring.find("0".repeat(16)), undefined);
  clock.seconds += 60;
  assertEquals([keyring.find(oldKid ?? ""), keyring.find(kid ?? "")?.name], [undefined, "phone"]);
  await keyring.replace(only());
  assertEquals(keyring.find(kid ?? ""), undefined);
});

Deno.test("list() has the keys in force and the disabled ones by their current secrets, and no expired ones", async () => {
  const { keyring, clock } = makeKeyring();
  const phone = makeRecord({ name: "phone" });
  const rotated = {
    ...makeRecord({ name: "rotated" }),
    previous: { secret: randomBytes(32), until: (NOW + 60) * 1000 },
  };
  const guest = makeRecord({ name: "guest", expires: (NOW + 30) * 1000 });
  const off = { ...makeRecord({ name: "off", disabled: true }), previous: rotated.previous };
  await keyring.replace(only(phone, rotated, guest, off));
  const names = () => keyring.list().map(({ name }) => name);
  const kids = await Promise.all([phone, rotated, guest, off].map(({ secret }) => deriveKeyId(secret)));
  assertEquals(keyring.list().map(({ name, kid, created, grant }) => [name, kid, created, grant !== undefined]), [
    ["phone", kids[0], NOW * 1000, true],
    ["rotated", kids[1], NOW * 1000, true],
    ["guest", kids[2], NOW * 1000, true],
    ["off", kids[3], NOW * 1000, false],
  ]);
  const [before] = keyring.list();
  clock.seconds += 30;
  assertEquals(names(), ["phone", "rotated", "off"]);
  await keyring.replace(only({ ...phone, rights: rightsOf({ services: ["mqtt"], subscribe: ["a"] }) }, off));
  assertEquals([names(), before?.grant?.revoked.aborted], [["phone", "off"], true]);
  await keyring.replace({ single: randomBytes(32), records: [] });
  assertEquals(keyring.list().map(({ name, created }) => [name, created]), [["default", 0]]);
});

Deno.test("hasKeysFile tells a file without keys from one that is missing", async () => {
  const { keyring } = makeKeyring();
  assertEquals(keyring.hasKeysFile, false);
  await keyring.replace(only());
  assertEquals(keyring.hasKeysFile, true);
  await keyring.replace({ single: randomBytes(32), records: undefined });
  assertEquals([keyring.hasKeysFile, keyring.list().length], [false, 1]);
});

Deno.test("watch() reports each replacement once the list is complete, and expiries", async () => {
  const { keyring, clock } = makeKeyring();
  const seen: string[] = [];
  const stop = keyring.watch(() => void seen.push(keyring.list().map(({ name }) => name).join(" ")));
  const off = makeRecord({ name: "off", disabled: true });
  const guest = makeRecord({ name: "guest", expires: (NOW + 30) * 1000 });
  await keyring.replace(only(guest, off));
  keyring.expire();
  clock.seconds += 30;
  keyring.expire();
  keyring.expire();
  assertEquals(seen, ["guest off", "off"]);
  stop();
  await keyring.replace(only());
  assertEquals(seen.length, 2);
});
