import { assertEquals, assertRejects } from "@std/assert";
import { joinBytes } from "../../src/lib/read_bytes.ts";
import { decrypt, encrypt } from "../../src/protocol/aead.ts";
import { fromHex, randomBytes, toHex } from "../../src/protocol/bytes.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { KEY, OTHER_KEY, SECRET } from "../support/known_keys.ts";
import { flipBit } from "../support/damage.ts";

const nonce = fromHex("000102030405060708090a0b");

/** Lengths about the blocks of AES, and about the length from which an implementation may choose another way. */
const LENGTHS = [0, 1, 15, 16, 17, 200, 2047, 2048, 2049, 4096, 70_000];

Deno.test("encrypt() returns what WebCrypto returns, at every length, with and without additional data", async () => {
  const expected = await importKey(SECRET);
  for (const length of LENGTHS) {
    const plaintext = randomBytes(Math.min(length, 65_536));
    for (const parameters of [{ nonce }, { nonce, additionalData: randomBytes(50) }]) {
      const sealed = await encrypt(KEY.aead, plaintext.slice(), parameters);
      assertEquals(toHex(sealed), toHex(await encrypt(expected, plaintext.slice(), parameters)), `${length} bytes`);
    }
  }
});

Deno.test("decrypt() opens what encrypt() sealed at every length, and nothing that was changed", async () => {
  for (const length of LENGTHS) {
    const text = "x".repeat(length);
    const additionalData = randomBytes(50);
    const seal = () => encrypt(KEY.aead, text, { nonce, additionalData });
    const sealed = await seal();
    assertEquals(await decrypt(KEY.aead, sealed.slice(), { nonce, additionalData }) === text, true, `${length} bytes`);
    const refused = [
      { name: "another key", key: OTHER_KEY.aead },
      { name: "the first bit", ciphertext: flipBit(sealed, 0) },
      { name: "the last bit", ciphertext: flipBit(sealed, sealed.length * 8 - 1) },
      { name: "a byte less", ciphertext: sealed.slice(0, -1) },
      { name: "a byte more", ciphertext: joinBytes([sealed, Uint8Array.of(0)]) },
      { name: "another nonce", nonce: flipBit(nonce, 0) },
      { name: "other additional data", additionalData: flipBit(additionalData, 0) },
      { name: "an empty ciphertext", ciphertext: new Uint8Array() },
      { name: "a tag too short", ciphertext: sealed.slice(-15) },
    ];
    for (const { name, ...changed } of refused) {
      const { key, ciphertext, ...parameters } = {
        ...{ key: KEY.aead, ciphertext: sealed.slice(), nonce, additionalData },
        ...changed,
      };
      assertEquals(await decrypt(key, ciphertext, parameters), undefined, `${name}, ${length} bytes`);
    }
  }
});

Deno.test("encrypt() and decrypt() refuse nonces of any other length, which implementations accept", async () => {
  const sealed = await encrypt(KEY.aead, "x", { nonce });
  for (const length of [0, 1, 11, 13, 16, 128]) {
    const other = new Uint8Array(length);
    await assertRejects(async () => await encrypt(KEY.aead, "x", { nonce: other }), RangeError);
    assertEquals(await decrypt(KEY.aead, sealed, { nonce: other }), undefined);
  }
  // Sealed under such a nonce by an implementation, it does not open.
  const long = new Uint8Array(16);
  assertEquals(
    await decrypt(KEY.aead, await KEY.aead.encrypt(fromHex("78"), { nonce: long }), { nonce: long }),
    undefined,
  );
});
