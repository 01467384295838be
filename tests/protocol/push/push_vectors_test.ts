import { assert, assertEquals, assertRejects } from "@std/assert";
import { EnvelopeError } from "../../../src/protocol/aead.ts";
import { fromBase64Url, toBase64Url } from "../../../src/protocol/bytes.ts";
import { decryptPush } from "../../../src/protocol/push/message_encryption.ts";
import vectors from "../../testdata/vectors.json" with { type: "json" };

const { messages, receiver, refused } = vectors.push;

async function importReceiver() {
  const point = fromBase64Url(receiver.public);
  const [x, y] = [toBase64Url(point.slice(1, 33)), toBase64Url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", d: receiver.privateKey, x, y };
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["deriveBits"]);
  return { privateKey, publicPoint: receiver.public, auth: receiver.auth };
}

Deno.test("vectors: every frozen push message opens", async () => {
  assert(messages.length >= 12);
  for (const { name, text, body } of messages) {
    assertEquals(await decryptPush(fromBase64Url(body), await importReceiver()), text, name);
  }
});

Deno.test("vectors: every push message that is frozen as refused is refused with one error", async () => {
  assert(refused.length >= 33);
  for (const { name, body } of refused) {
    await assertRejects(
      async () => decryptPush(fromBase64Url(body), await importReceiver()),
      EnvelopeError,
      "Decryption failed",
      name,
    );
  }
});
