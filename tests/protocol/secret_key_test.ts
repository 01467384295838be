import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { joinBytes } from "../../src/lib/read_bytes.ts";
import { type Bytes, randomBytes, toHex } from "../../src/protocol/bytes.ts";
import { deriveKeyId, importKey, parseKey } from "../../src/protocol/secret_key.ts";
import { anyText } from "../support/damage.ts";
import { KEY, SECRET } from "../support/known_keys.ts";
import { TESTED } from "../support/tested_import.ts";

const utf8 = new TextEncoder();

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

/** HKDF-SHA-256 by the steps of RFC 5869, section 2, for one block of output; no salt is one of zeros. */
async function hkdf(secret: Bytes, { salt, info }: { salt: Bytes; info: string }): Promise<Bytes> {
  const extracted = await hmac(salt.length === 0 ? new Uint8Array(32) : salt, secret);
  return await hmac(extracted, joinBytes([utf8.encode(info), Uint8Array.of(1)]));
}

Deno.test("deriveKeyId() is HKDF-SHA-256 with an empty salt, as another implementation computes it", async () => {
  const block = await hkdf(SECRET, { salt: new Uint8Array(), info: "e2eg/2 kid" });
  assertEquals(await deriveKeyId(SECRET), toHex(block.subarray(0, 8)));
  assertEquals(await deriveKeyId(SECRET), "842007e540e342ee");
});

Deno.test("deriveKeyId() differs from key to key, and refuses keys of another length", async () => {
  assertNotEquals(await deriveKeyId(randomBytes(32)), await deriveKeyId(randomBytes(32)));
  await assertRejects(() => deriveKeyId(randomBytes(16)), RangeError);
});

Deno.test("importSecretKey() has the id of the key, and shows nothing of it", () => {
  assertEquals(KEY.kid, "842007e540e342ee");
  assertEquals(JSON.stringify(KEY), JSON.stringify({ kid: KEY.kid, aead: {} }));
  assertEquals(Object.keys(KEY.aead), []);
});

Deno.test("importSecretKey() and importKey() refuse keys of another length", async () => {
  for (const length of [0, 16, 31, 33, 64]) {
    const message = `Key must be 32 bytes: got ${length}`;
    await assertRejects(() => TESTED.importSecretKey(randomBytes(length)), RangeError, message);
    await assertRejects(() => importKey(randomBytes(length)), RangeError, message);
  }
});

Deno.test("deriveEncryptor() and deriveDecryptor() are HKDF-SHA-256 of salt and purpose", async () => {
  const nonce = new Uint8Array(12);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 48 }), fc.string(), async (drawn, info) => {
      const derivation = { salt: Uint8Array.from(drawn), info: utf8.encode(info) };
      const expected = await importKey(await hkdf(SECRET, { salt: derivation.salt, info }));
      const text = utf8.encode("x");
      const sealed = await expected.encrypt(text, { nonce });
      assertEquals(await (await KEY.deriveEncryptor(derivation)).encrypt(text, { nonce }), sealed);
      assertEquals(await (await KEY.deriveDecryptor(derivation)).decrypt(sealed, { nonce }), text);
    }),
    { numRuns: 30 },
  );
});

Deno.test("parseKey() reads 64 hexadecimal characters, and nothing else", () => {
  const hex = toHex(SECRET);
  assertEquals(parseKey(hex), SECRET);
  assertEquals(parseKey(hex.toUpperCase()), SECRET);
  for (const text of ["", hex.slice(1), `${hex}0`, `${hex}\n`, ` ${hex}`, hex.replace("0", "g"), `0x${hex.slice(2)}`]) {
    assertEquals(parseKey(text), undefined, text);
  }
  fc.assert(fc.property(anyText, (text) => assertEquals(parseKey(text), undefined)));
});
