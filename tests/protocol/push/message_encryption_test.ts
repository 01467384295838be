import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { EnvelopeError } from "../../../src/protocol/aead.ts";
import { type Bytes, fromBase64Url, randomBytes, toBase64Url } from "../../../src/protocol/bytes.ts";
import type { AgreementKey } from "../../../src/protocol/p256.ts";
import {
  decryptPush,
  encryptPush,
  generatePushReceiver,
  MAX_PUSH_BYTES,
} from "../../../src/protocol/push/message_encryption.ts";
import vectors from "../../testdata/vectors.json" with { type: "json" };

/** Example of RFC 8291, section 5, with the values of appendix A. */
const EXAMPLE = {
  text: "When I grow up, I want to be a watermelon",
  sender: {
    publicPoint: "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    privateKey: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
  },
  receiver: {
    publicPoint: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    privateKey: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  },
  salt: "DGv6ra1nlYgDCS1FRnbzlw",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
  body: "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr" +
    "u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
};

const { auth } = EXAMPLE;

/** Imports a key pair from its numbers. */
async function keyPair(side: { readonly publicPoint: string; readonly privateKey: string }): Promise<AgreementKey> {
  const point = fromBase64Url(side.publicPoint);
  const [x, y] = [toBase64Url(point.slice(1, 33)), toBase64Url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", d: side.privateKey, x, y };
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["deriveBits"]);
  return { privateKey, publicPoint: side.publicPoint };
}

const sender = await keyPair(EXAMPLE.sender);
const receiver = { ...await keyPair(EXAMPLE.receiver), auth };
const keys = { p256dh: receiver.publicPoint, auth };

Deno.test("encryptPush() and decryptPush() reproduce the example of RFC 8291", async () => {
  const options = { randomBytes: () => fromBase64Url(EXAMPLE.salt), sender, hidesLength: false };
  assertEquals(toBase64Url(await encryptPush(EXAMPLE.text, keys, options)), EXAMPLE.body);
  assertEquals(await decryptPush(fromBase64Url(EXAMPLE.body), receiver), EXAMPLE.text);
});

/** Text of characters that take one to four bytes each. */
const texts = fc.array(fc.constantFrom("a", "\0", "é", "漢", "😀"), { maxLength: 900 }).map((list) => list.join(""));

Deno.test("encryptPush() makes bodies that decryptPush() opens", async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.boolean(), async (text, hidesLength) => {
      assertEquals(await decryptPush(await encryptPush(text, keys, { randomBytes, hidesLength }), receiver), text);
    }),
    { numRuns: 30 },
  );
});

Deno.test("encryptPush() hides the length of a text in steps of 512 bytes, up to the longest text", async () => {
  const length = async (bytes: number) => (await encryptPush("x".repeat(bytes), keys, { randomBytes })).length;
  const overhead = 4096 - MAX_PUSH_BYTES;
  assertEquals(await length(0), 512 + overhead);
  assertEquals(await length(511), 512 + overhead);
  assertEquals(await length(512), 1024 + overhead);
  assertEquals(await length(MAX_PUSH_BYTES), 4096);
  await assertRejects(() => length(MAX_PUSH_BYTES + 1), RangeError, "3993 bytes");
});

Deno.test("encryptPush() makes a new key pair and salt for each message", async () => {
  const [one, other] = [
    await encryptPush("a", keys, { randomBytes }),
    await encryptPush("a", keys, { randomBytes }),
  ];
  assertNotEquals(one.slice(0, 16), other.slice(0, 16));
  assertNotEquals(one.slice(21, 86), other.slice(21, 86));
});

Deno.test("encryptPush() names the key of a subscription that is not valid", async () => {
  for (const { name, public: p256dh } of vectors.v2.refused.points) {
    await assertRejects(() => encryptPush("a", { p256dh, auth }, { randomBytes }), TypeError, "keys.p256dh", name);
  }
  for (const wrong of ["", "BTBZMqHH6r4Tts7J_aSIgg==", "BTBZMqHH6r4Tts7J_aSI", `${auth}AA`, "é"]) {
    const refused = () => encryptPush("a", { ...keys, auth: wrong }, { randomBytes });
    await assertRejects(refused, TypeError, "keys.auth", wrong);
  }
});

Deno.test("decryptPush() refuses anything that is not for this receiver with one error", async () => {
  const body = fromBase64Url(EXAMPLE.body);
  const refused = (damaged: Bytes, by = receiver) =>
    assertRejects(() => decryptPush(damaged, by), EnvelopeError, "Decryption failed");
  await refused(body, await generatePushReceiver(randomBytes));
  await refused(body, { ...receiver, auth: toBase64Url(new Uint8Array(16)) });
  await refused(body, { ...receiver, auth: "" });
  for (let at = 20; at < body.length; at += 7) await refused(body.map((byte, index) => index === at ? byte ^ 1 : byte));
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => refused(new Uint8Array(bytes)).then(() => {})),
    { numRuns: 100 },
  );
});
