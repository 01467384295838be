import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { EnvelopeError } from "../../../src/protocol/aead.ts";
import { fromBase64, fromHex, randomBytes, toBase64, toHex } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealedLength, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { anyText, cuts, flipBit, withFlippedCharacters } from "../../support/damage.ts";
import { KEY, OTHER_KEY } from "../../support/known_keys.ts";
import { assertRefused, outcomeOf } from "../refusals.ts";

const key = KEY.aead;

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

Deno.test("sealEnvelope() returns the same bytes as another implementation", async () => {
  const sealed = await sealEnvelope(key, VECTOR.plaintext, () => fromHex(VECTOR.nonce));
  assertEquals(String(sealed), VECTOR.envelope);
});

Deno.test("openEnvelope() opens every text that sealEnvelope() sealed", async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
    assertEquals(await opened(await sealEnvelope(key, text, randomBytes)), text);
  }));
});

Deno.test("sealEnvelope() never seals the same text the same way", async () => {
  assertNotEquals(await sealEnvelope(key, "x", randomBytes), await sealEnvelope(key, "x", randomBytes));
});

Deno.test("sealedLength() returns the length of an envelope", async () => {
  for (let length = 0; length < 10; length++) {
    assertEquals((await sealEnvelope(key, "x".repeat(length), randomBytes)).length, sealedLength(length));
  }
});

Deno.test("openEnvelope() refuses every single flipped bit", async () => {
  const bytes = fromBase64(VECTOR.envelope);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    await assertRefused(() => open(toBase64(flipBit(bytes, bit))), `bit ${bit}`);
  }
  for (const text of withFlippedCharacters(VECTOR.envelope)) await assertRefused(() => open(text), text);
});

Deno.test("openEnvelope() refuses an envelope cut at every length", async () => {
  const bytes = fromBase64(VECTOR.envelope);
  for (let length = 0; length < bytes.length; length++) {
    await assertRefused(() => open(toBase64(bytes.slice(0, length))), `${length} bytes`);
  }
  for (const text of cuts(VECTOR.envelope)) await assertRefused(() => open(text), text);
});

Deno.test("openEnvelope() refuses another key's envelope", async () => {
  const sealed = await sealEnvelope(OTHER_KEY.aead, "x", randomBytes);
  await assertRefused(() => open(sealed));
});

Deno.test("openEnvelope() refuses a plaintext that is not UTF-8", async () => {
  const sealed = await sealEnvelope(key, Uint8Array.of(0xff, 0xfe), randomBytes);
  await assertRefused(() => open(sealed));
});

Deno.test("parseEnvelope() skips ASCII white space wherever Android puts it", async () => {
  const broken = VECTOR.envelope.replace(/(.{19})/g, "$1\r\n");
  assertEquals(await opened(` \t${broken}\n\f`), VECTOR.plaintext);
});

Deno.test("parseEnvelope() refuses every encoding but standard base64 with padding", async () => {
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
    "hex": toHex(fromBase64(VECTOR.envelope)) + "!",
    "JSON": '{"body":"x"}',
    "nothing": "",
    "NUL": `\0${VECTOR.envelope}`,
  };
  for (const [name, text] of Object.entries(spellings)) {
    assertThrows(() => parseEnvelope(text), EnvelopeError, "Decryption failed", name);
  }
});

Deno.test("parseEnvelope() throws only its one error on any text", async () => {
  await fc.assert(fc.asyncProperty(anyText, async (text) => {
    await outcomeOf(() => parseEnvelope(text));
  }));
});
