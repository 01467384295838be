import { assert, assertEquals, assertFalse, assertNotEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { fromBase64Url } from "../../src/protocol/bytes.ts";
import { generateVapidKey, parseVapidKey, VapidKeyError } from "../../src/push/vapid_key.ts";

Deno.test("generateVapidKey() makes the text of a new key pair, which parseVapidKey() reads", async () => {
  const text = await generateVapidKey();
  assertEquals(Object.keys(JSON.parse(text)), ["kty", "crv", "x", "y", "d"]);
  const { publicKey, privateKey } = await parseVapidKey(text);
  const point = fromBase64Url(publicKey);
  assertEquals([point.length, point[0], privateKey.extractable], [65, 4, false]);
  assertEquals((await parseVapidKey(text)).publicKey, publicKey);
  assertNotEquals((await parseVapidKey(await generateVapidKey())).publicKey, publicKey);
});

Deno.test("parseVapidKey() names the member that is wrong, and shows none", async () => {
  const jwk = JSON.parse(await generateVapidKey());
  const other = JSON.parse(await generateVapidKey());
  const cases: readonly (readonly [value: unknown, fault: string])[] = [
    [{ ...jwk, kty: "RSA" }, "wrong member kty"],
    [{ ...jwk, crv: "P-384" }, "wrong member crv"],
    [{ ...jwk, d: undefined }, "wrong member d"],
    [{ ...jwk, d: `${jwk.d}=` }, "wrong member d"],
    [{ ...jwk, x: jwk.x.slice(2) }, "wrong member x"],
    [{ ...jwk, y: 1 }, "wrong member y"],
    [{ ...jwk, alg: "ES256" }, "no others"],
    [[jwk], "must be a JSON Web Key"],
    [null, "must be a JSON Web Key"],
    [{ ...jwk, d: other.d }, "is not a key pair"],
    [{ ...jwk, x: jwk.y, y: jwk.x }, "is not a key pair"],
  ];
  for (const [value, fault] of cases) {
    const { message } = await assertRejects(() => parseVapidKey(JSON.stringify(value)), VapidKeyError, fault);
    assertFalse(message.includes(jwk.d) || message.includes(other.d), message);
  }
});

Deno.test("parseVapidKey() refuses every other text", async () => {
  const texts = fc.oneof(fc.string(), fc.json(), fc.constant(""));
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const error = await assertRejects(() => parseVapidKey(text), VapidKeyError);
      assert(error.message.startsWith("VAPID key "));
    }),
    { numRuns: 100 },
  );
});
