import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { encrypt, NONCE_BYTES } from "../../../src/protocol/aead.ts";
import { joinBytes } from "../../../src/lib/read_bytes.ts";
import { fromBase64Url, randomBytes, toBase64Url } from "../../../src/protocol/bytes.ts";
import {
  additionalData,
  openResponseV2,
  parseRequestV2,
  type RequestBinding,
  sealRequestV2,
  sealResponseV2,
} from "../../../src/protocol/v2/envelope.ts";
import { StreamSealer } from "../../../src/protocol/v2/stream.ts";
import { cuts, flipBit, withFlippedCharacters } from "../../support/damage.ts";
import { KEY, OTHER_KEY } from "../../support/known_keys.ts";
import { openRequest } from "../../support/open_request.ts";
import { assertRefused } from "../refusals.ts";
import { watchKey } from "../../support/watched_key.ts";

const PLAINTEXT = '{"service":"jeedom","jsonrpc":"ping","timestamp":1700000000}';
const TO_GATEWAY = { key: KEY, route: "/gateway" } as const;
const SEALING = { route: "/gateway", random: randomBytes } as const;

const { text: REQUEST, binding: BINDING } = await sealRequestV2(KEY, PLAINTEXT, SEALING);
const REQUEST_BYTES = fromBase64Url(REQUEST.slice(19));
const ANSWER = await sealResponseV2(BINDING, PLAINTEXT, randomBytes);
const ANSWER_BYTES = fromBase64Url(ANSWER.slice(2));

Deno.test("sealRequestV2() names the key, and never returns the same text twice", async () => {
  assertMatch(REQUEST, /^2\.842007e540e342ee\.[\w-]+$/);
  assertNotEquals((await sealRequestV2(KEY, PLAINTEXT, SEALING)).text, REQUEST);
});

Deno.test("sealResponseV2() never returns the same text twice", async () => {
  assertMatch(ANSWER, /^2\.[\w-]+$/);
  assertNotEquals(await sealResponseV2(BINDING, PLAINTEXT, randomBytes), ANSWER);
});

Deno.test("parseRequestV2() splits a request into kid, salt and ciphertext", () => {
  const { version, kid, salt, ciphertext } = parseRequestV2(REQUEST);
  assertEquals([version, kid], [2, KEY.kid]);
  assertEquals(salt, BINDING.salt);
  assertEquals(joinBytes([salt, ciphertext]), REQUEST_BYTES);
  assertEquals(ciphertext.length, PLAINTEXT.length + 16);
});

Deno.test("tryRequestV2() and openResponseV2() open any text, also with a byte order mark", async () => {
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "\ufeff", "\ufeff{}", "\0", "é☀𝄞"));
  await fc.assert(fc.asyncProperty(text, async (plaintext) => {
    const { text, binding } = await sealRequestV2(KEY, plaintext, SEALING);
    assertEquals(await openRequest(text, TO_GATEWAY), plaintext);
    const answer = await sealResponseV2(binding, plaintext, randomBytes);
    assertEquals(String(await openResponseV2(binding, answer)), plaintext);
  }));
});

Deno.test("tryRequestV2() refuses every single flipped bit", async () => {
  for (let bit = 0; bit < REQUEST_BYTES.length * 8; bit++) {
    const text = `2.${KEY.kid}.${toBase64Url(flipBit(REQUEST_BYTES, bit))}`;
    await assertRefused(() => openRequest(text, TO_GATEWAY), `bit ${bit}`);
  }
});

Deno.test("tryRequestV2() refuses a flipped bit in any character: of version, kid, dots and base64url", async () => {
  for (const text of withFlippedCharacters(REQUEST)) {
    await assertRefused(() => openRequest(text, TO_GATEWAY), text);
  }
});

Deno.test("openResponseV2() refuses every single flipped bit, of bytes and of characters", async () => {
  for (let bit = 0; bit < ANSWER_BYTES.length * 8; bit++) {
    const text = `2.${toBase64Url(flipBit(ANSWER_BYTES, bit))}`;
    await assertRefused(() => openResponseV2(BINDING, text), `bit ${bit}`);
  }
  for (const text of withFlippedCharacters(ANSWER)) await assertRefused(() => openResponseV2(BINDING, text), text);
});

Deno.test("tryRequestV2() and openResponseV2() refuse a text cut at every length", async () => {
  for (const text of cuts(REQUEST)) await assertRefused(() => openRequest(text, TO_GATEWAY), text);
  for (const text of cuts(ANSWER)) await assertRefused(() => openResponseV2(BINDING, text), text);
  for (let length = 0; length < REQUEST_BYTES.length; length++) {
    const text = `2.${KEY.kid}.${toBase64Url(REQUEST_BYTES.slice(0, length))}`;
    await assertRefused(() => openRequest(text, TO_GATEWAY), `${length} bytes`);
  }
  for (let length = 0; length < ANSWER_BYTES.length; length++) {
    const text = `2.${toBase64Url(ANSWER_BYTES.slice(0, length))}`;
    await assertRefused(() => openResponseV2(BINDING, text), `${length} bytes`);
  }
});

Deno.test("parseRequestV2() refuses every other encoding", async () => {
  const payload = toBase64Url(REQUEST_BYTES);
  const spellings = {
    "padding": `${REQUEST}=`,
    "white space at the end": `${REQUEST}\n`,
    "white space at the beginning": ` ${REQUEST}`,
    "white space within": `${REQUEST.slice(0, 30)}\n${REQUEST.slice(30)}`,
    "standard alphabet": `2.${KEY.kid}.${payload.slice(0, 30)}+/${payload.slice(32)}`,
    "kid in capitals": `2.${KEY.kid.toUpperCase()}.${payload}`,
    "kid too short": `2.${KEY.kid.slice(1)}.${payload}`,
    "kid too long": `2.${KEY.kid}0.${payload}`,
    "kid missing": `2..${payload}`,
    "kid and dot missing": `2.${payload}`,
    "a fourth part": `${REQUEST}.`,
    "version 3": `3${REQUEST.slice(1)}`,
    "version 02": `0${REQUEST}`,
    "no version": REQUEST.slice(2),
    "byte order mark": `\ufeff${REQUEST}`,
    "NUL": `${REQUEST}\0`,
    "nothing": "",
  };
  for (const [name, text] of Object.entries(spellings)) await assertRefused(() => parseRequestV2(text), name);
});

Deno.test("tryRequestV2() and openResponseV2() refuse the texts of another key", async () => {
  const { text, binding } = await sealRequestV2(OTHER_KEY, PLAINTEXT, SEALING);
  await assertRefused(() => openRequest(text, TO_GATEWAY));
  const foreign: RequestBinding = { ...binding, salt: BINDING.salt };
  const answer = await sealResponseV2(foreign, PLAINTEXT, randomBytes);
  await assertRefused(() => openResponseV2(BINDING, answer));
});

Deno.test("tryRequestV2() refuses a plaintext that is not UTF-8", async () => {
  const salt = randomBytes(16);
  const key = await KEY.deriveEncryptor({ salt, info: new TextEncoder().encode("e2eg/2 request") });
  const seal = async (plaintext: number[]) => {
    const ciphertext = await encrypt(key, Uint8Array.from(plaintext), {
      nonce: new Uint8Array(NONCE_BYTES),
      additionalData: additionalData("request", KEY.kid, "/gateway"),
    });
    return `2.${KEY.kid}.${toBase64Url(joinBytes([salt, ciphertext]))}`;
  };
  assertEquals(await openRequest(await seal([0x7b, 0x7d]), TO_GATEWAY), "{}");
  for (const plaintext of [[0xff], [0x7b, 0xc3, 0x7d], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    const text = await seal(plaintext);
    await assertRefused(() => openRequest(text, TO_GATEWAY), plaintext.join());
  }
});

Deno.test("sealRequestV2(), sealResponseV2() and StreamSealer have keys of their own, even with the same salts", async () => {
  // A constant source of randomness: the keys differ only by their purpose.
  const stuck = (length: number) => new Uint8Array(length);
  const { key, encryptions } = watchKey(KEY);
  const { binding } = await sealRequestV2(key, PLAINTEXT, { route: "/gateway", random: stuck });
  await sealResponseV2(binding, PLAINTEXT, stuck);
  await (await StreamSealer.begin(binding, stuck)).seal(PLAINTEXT).text;
  const zeros = "0".repeat(32);
  assertEquals(encryptions.map(({ key }) => key), [
    `${zeros} e2eg/2 request`,
    `${zeros}${zeros} e2eg/2 response`,
    `${zeros}${zeros} e2eg/2 stream`,
  ]);
  assertEquals(encryptions.map(({ additionalData }) => additionalData), [
    `e2eg/2 request\n${KEY.kid}\n/gateway`,
    `e2eg/2 response\n${KEY.kid}\n/gateway`,
    `e2eg/2 stream\n${KEY.kid}\n0`,
  ]);
});
