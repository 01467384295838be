/** Push messages and npm's `http_ece`. Not among tests/protocol, which run in browsers as well: it needs Node's crypto. */
import { Buffer } from "node:buffer";
import { createECDH } from "node:crypto";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import ece from "http_ece";
import { fromBase64Url, randomBytes } from "../../src/protocol/bytes.ts";
import { decryptPush, encryptPush, generatePushReceiver } from "../../src/protocol/push/message_encryption.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

const { messages, receiver, salt, sender } = vectors.push;

/** Key pair for the other implementation. */
function keyPair(privateKey: string) {
  const keys = createECDH("prime256v1");
  keys.setPrivateKey(Buffer.from(privateKey, "base64url"));
  return keys;
}

/** Decrypts with the other implementation. */
function openedByOther(body: Uint8Array): string {
  const privateKey = keyPair(receiver.privateKey);
  return ece.decrypt(Buffer.from(body), { version: "aes128gcm", privateKey, authSecret: receiver.auth }).toString();
}

/** Text of characters that take one to four bytes each. */
const texts = fc.array(fc.constantFrom("a", "\0", "é", "漢", "😀"), { maxLength: 900 }).map((list) => list.join(""));

Deno.test("encryptPush() makes bodies that another implementation opens", async () => {
  const keys = { p256dh: receiver.public, auth: receiver.auth };
  await fc.assert(
    fc.asyncProperty(texts, fc.boolean(), async (text, hidesLength) => {
      assertEquals(openedByOther(await encryptPush(text, keys, { randomBytes, hidesLength })), text);
    }),
    { numRuns: 50 },
  );
});

Deno.test("decryptPush() opens what another implementation encrypts", async () => {
  const own = await generatePushReceiver();
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const privateKey = createECDH("prime256v1");
      privateKey.generateKeys();
      const options = { version: "aes128gcm", privateKey, dh: own.publicPoint, authSecret: own.auth };
      assertEquals(await decryptPush(new Uint8Array(ece.encrypt(Buffer.from(text), options)), own), text);
    }),
    { numRuns: 30 },
  );
});

Deno.test("vectors: another implementation opens every frozen push message", () => {
  for (const { name, text, body } of messages) assertEquals(openedByOther(fromBase64Url(body)), text, name);
});

Deno.test("vectors: another implementation makes its own frozen push messages again", () => {
  const privateKey = keyPair(sender.privateKey);
  for (const { name, maker, text, body, pad = 0 } of messages) {
    if (maker !== "http_ece") continue;
    const options = { version: "aes128gcm", privateKey, dh: receiver.public, authSecret: receiver.auth, salt, pad };
    assertEquals(ece.encrypt(Buffer.from(text), options).toString("base64url"), body, name);
  }
});
