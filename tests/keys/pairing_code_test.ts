import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { completeKey, createPairing, PAIRING_MS, type PendingKey } from "../../src/keys/pairing_code.ts";
import { fromBase64Url, randomBytes } from "../../src/protocol/bytes.ts";
import { derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { makeRecord, NOW } from "../support/gateway.ts";

const { secret: _, ...KEY } = makeRecord({ name: "phone", services: ["mqtt"], publish: ["#"] });

const NOW_MS = NOW * 1000;

const create = (key: PendingKey | undefined) => createPairing({ name: "phone", key, now: NOW_MS, random: randomBytes });

Deno.test("createPairing() keeps the key that is derived from the code, and its id, in place of the code", async () => {
  const { code, pairing } = await create(KEY);
  const secret = await derivePairingKey(fromBase64Url(code));
  assertEquals([pairing.secret, pairing.kid], [secret, await deriveKeyId(secret)]);
  assertEquals(JSON.stringify(pairing).includes(code), false);
  assertNotEquals((await create(KEY)).code, code);
});

Deno.test("createPairing() ends the code after 10 minutes, or with its key", async () => {
  const ends = async (expires: number | undefined) => (await create({ ...KEY, expires })).pairing.expires - NOW_MS;
  assertEquals([await ends(undefined), await ends(NOW_MS + 2 * PAIRING_MS)], [PAIRING_MS, PAIRING_MS]);
  assertEquals(await ends(NOW_MS + 5), 5);
});

Deno.test("completeKey() returns every key that a code was made for, with the secret and label of its device", async () => {
  const key = fc.record({
    name: fc.constantFrom("phone", "a.b_c-1"),
    created: fc.integer({ min: 0, max: 4e12 }),
    expires: fc.option(fc.integer({ min: 1, max: 4e12 }), { nil: undefined }),
    disabled: fc.boolean(),
    minProtocol: fc.constantFrom<1 | 2>(1, 2),
    rights: fc.constantFrom(KEY.rights, {}),
    rate: fc.option(fc.constant({ perSecond: 2, burst: 3 }), { nil: undefined }),
  });
  const label = fc.option(fc.constantFrom("Phone", "Été 📱", '"'), { nil: undefined });
  await fc.assert(fc.asyncProperty(key, label, async (pending, label) => {
    const { pairing } = await create(pending);
    const secret = randomBytes(32);
    const { secret: hex, ...made } = completeKey(pairing.record ?? "", { secret, label }, SERVICES);
    const given = Object.fromEntries(Object.entries({ ...pending, label }).filter(([, value]) => value !== undefined));
    assertEquals([hex, JSON.parse(JSON.stringify(made))], [secret, given]);
  }));
});

Deno.test("completeKey() refuses what is no key, grants an unknown service, or has another field", () => {
  const device = { secret: randomBytes(32) };
  const created = "2026-01-01T00:00:00Z";
  for (
    const text of [
      "",
      "{}",
      "[]",
      JSON.stringify({ name: "phone", created, rights: { none: {} } }),
      JSON.stringify({ name: "phone", created, rights: {}, admin: true }),
      JSON.stringify({ name: "default", created, rights: {} }),
    ]
  ) assertThrows(() => completeKey(text, device, SERVICES), SyntaxError);
});
