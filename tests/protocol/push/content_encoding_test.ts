import { assertEquals, assertRejects } from "@std/assert";
import { EnvelopeError } from "../../../src/protocol/aead.ts";
import { fromBase64Url, toBase64Url } from "../../../src/protocol/bytes.ts";
import { decryptRecord, encryptRecord, maxPlaintextBytes } from "../../../src/protocol/push/content_encoding.ts";

/** Example of RFC 8188, section 3.1. */
const EXAMPLE = {
  ikm: fromBase64Url("yqdlZ-tYemfogSmv7Ws5PQ"),
  body: fromBase64Url("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg"),
  text: "I am the walrus",
};

const NO_ID = new Uint8Array();
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);

Deno.test("encryptRecord() and decryptRecord() reproduce the example of RFC 8188", async () => {
  const { ikm, body } = EXAMPLE;
  const inputs = { ikm, salt: body.slice(0, 16), keyId: NO_ID };
  assertEquals(toBase64Url(await encryptRecord(bytes(EXAMPLE.text), inputs)), toBase64Url(body));
  assertEquals(text(await decryptRecord(body, () => Promise.resolve(ikm))), EXAMPLE.text);
});

Deno.test("encryptRecord() fills one record of 4096 bytes, and refuses one byte more", async () => {
  const { ikm, body } = EXAMPLE;
  const inputs = { ikm, salt: body.slice(0, 16), keyId: new Uint8Array(65) };
  assertEquals(maxPlaintextBytes(65), 3993);
  const full = await encryptRecord(new Uint8Array(3990), { ...inputs, padding: 3 });
  assertEquals(full.length, 4096);
  // Zero bytes at the end of a plaintext are no padding.
  assertEquals(await decryptRecord(full, () => Promise.resolve(ikm)), new Uint8Array(3990));
  await assertRejects(() => encryptRecord(new Uint8Array(3991), { ...inputs, padding: 3 }), RangeError, "3993 bytes");
  await assertRejects(() => encryptRecord(NO_ID, { ...inputs, salt: new Uint8Array(15) }), RangeError, "salt");
  await assertRejects(() => encryptRecord(NO_ID, { ...inputs, keyId: new Uint8Array(256) }), RangeError, "keyId");
});

Deno.test("decryptRecord() refuses each damaged byte and each shorter body with one error", async () => {
  const { ikm, body } = EXAMPLE;
  const refused = (damaged: Uint8Array<ArrayBuffer>) =>
    assertRejects(() => decryptRecord(damaged, () => Promise.resolve(ikm)), EnvelopeError, "Decryption failed");
  for (let at = 0; at < body.length; at++) {
    // The size of records is not authenticated: only one that is smaller than the record is refused.
    const isSize = at >= 16 && at < 20;
    if (!isSize) await refused(body.map((byte, index) => index === at ? byte ^ 1 : byte));
    await refused(body.slice(0, at));
  }
  await refused(body.map((byte, index) => index >= 16 && index < 20 ? 0 : byte));
  await assertRejects(() => decryptRecord(body, () => Promise.resolve(undefined)), EnvelopeError);
});
