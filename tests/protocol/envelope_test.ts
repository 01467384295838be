import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { EnvelopeError } from "../../src/protocol/aead.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../src/protocol/envelope.ts";
import { importKey } from "../../src/protocol/secret_key.ts";

const key = await importKey(Uint8Array.fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));

/** Made with Python's cryptography package: AESGCM(bytes(range(32))).encrypt(bytes(range(12)), …, None). */
const VECTOR = {
  nonce: "000102030405060708090a0b",
  plaintext: '{"service":"jeedom","jsonrpc":"ping","timestamp":1700000000}',
  envelope:
    "AAECAwQFBgcICQoLPCClfreTq3joY62p24wdCey7pRjSESwTVhWV5j9TIsJofsneg+Nm8RnBDJnp6lga1GhXvWrmk+oPpxpk90nHPTk60ddBEIyqEXGc6A==",
};

const open = (text: string) => openEnvelope(key, parseEnvelope(text));
const opened = async (text: string) => String(await open(text));

Deno.test("openEnvelope() opens what another implementation sealed", async () => {
  assertEquals(await opened(VECTOR.envelope), VECTOR.plaintext);
});

Deno.test("sealEnvelope() writes the same bytes as another implementation", async () => {
  const sealed = await sealEnvelope(key, VECTOR.plaintext, () => Uint8Array.fromHex(VECTOR.nonce));
  assertEquals(String(sealed), VECTOR.envelope);
});

Deno.test("openEnvelope() gives back whatever sealEnvelope() sealed", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
    assertEquals(await opened(await sealEnvelope(key, text, randomBytes)), text);
  }));
});

Deno.test("sealEnvelope() never seals the same text the same way", async () => {
  assertNotEquals(await sealEnvelope(key, "x", randomBytes), await sealEnvelope(key, "x", randomBytes));
});

Deno.test("openEnvelope() refuses every single flipped bit", async () => {
  const bytes = Uint8Array.fromBase64(VECTOR.envelope);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await assertRejects(() => open(changed.toBase64()), EnvelopeError, "Decryption failed");
  }
});

Deno.test("openEnvelope() refuses an envelope cut at every length", async () => {
  const bytes = Uint8Array.fromBase64(VECTOR.envelope);
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length).toBase64();
    await assertRejects(async () => await open(cut), EnvelopeError, "Decryption failed");
  }
});

Deno.test("openEnvelope() refuses another key's envelope", async () => {
  const other = await importKey(randomBytes(32));
  const sealed = await sealEnvelope(other, "x", randomBytes);
  await assertRejects(() => open(sealed), EnvelopeError, "Decryption failed");
});

Deno.test("openEnvelope() refuses a plaintext that is not UTF-8", async () => {
  const sealed = await sealEnvelope(key, new Uint8Array([0xff, 0xfe]), randomBytes);
  await assertRejects(() => open(sealed), EnvelopeError, "Decryption failed");
});

Deno.test("parseEnvelope() skips ASCII white space wherever Android puts it", async () => {
  const broken = VECTOR.envelope.replace(/(.{19})/g, "$1\r\n");
  assertEquals(await opened(` \t${broken}\n\f`), VECTOR.plaintext);
});

Deno.test("parseEnvelope() refuses every spelling but standard base64 with padding", async () => {
  const sealed = await sealEnvelope(key, "ab", () => new Uint8Array(12).fill(0xfb));
  const urlSafe = sealed.replaceAll("+", "-").replaceAll("/", "_");
  assertNotEquals(urlSafe, String(sealed));
  const spellings = {
    "url-safe alphabet": urlSafe,
    "no padding": VECTOR.envelope.replace(/=+$/, ""),
    "padding too long": `${VECTOR.envelope}=`,
    "padding in the middle": `AAAA====${VECTOR.envelope}`,
    "byte order mark": `\ufeff${VECTOR.envelope}`,
    "no-break space": VECTOR.envelope.replace(/^(.{8})/, "$1\u00a0"),
    "hex": Uint8Array.fromBase64(VECTOR.envelope).toHex() + "!",
    "JSON": '{"body":"x"}',
    "nothing": "",
    "NUL": `\0${VECTOR.envelope}`,
  };
  for (const [name, text] of Object.entries(spellings)) {
    assertThrows(() => parseEnvelope(text), EnvelopeError, "Decryption failed", name);
  }
});

Deno.test("parseEnvelope() throws nothing but its one error on any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    try {
      parseEnvelope(text);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
    }
  }));
});

Deno.test("importKey() refuses a key that is not 32 bytes", async () => {
  await assertRejects(() => importKey(new Uint8Array(16)), RangeError, "Key must be 32 bytes: got 16");
});
