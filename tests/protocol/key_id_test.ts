import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { createHmac } from "node:crypto";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { deriveKeyId } from "../../src/protocol/secret_key.ts";

/** HKDF-SHA-256 by the steps of RFC 5869, section 2, for one block of output. */
function hkdf(secret: Uint8Array, info: string, length: number): string {
  const extracted = createHmac("sha256", new Uint8Array(32)).update(secret).digest();
  return createHmac("sha256", extracted).update(info).update(Uint8Array.of(1)).digest("hex").slice(0, 2 * length);
}

Deno.test("deriveKeyId() is HKDF-SHA-256 with an empty salt, as another implementation computes it", async () => {
  const secret = Uint8Array.from({ length: 32 }, (_, index) => index);
  assertEquals(await deriveKeyId(secret), hkdf(secret, "e2eg/2 kid", 8));
  assertEquals(await deriveKeyId(secret), "842007e540e342ee");
});

Deno.test("deriveKeyId() differs from key to key, and refuses keys of another length", async () => {
  assertNotEquals(await deriveKeyId(randomBytes(32)), await deriveKeyId(randomBytes(32)));
  await assertRejects(() => deriveKeyId(randomBytes(16)), RangeError);
});
