/** The tests of the protocol with the keys of a gateway whose setting AEAD is native. */
import { assertEquals } from "@std/assert";
import "../support/native_keys.ts";
import { KEY } from "../support/known_keys.ts";
import "./protocol_tests.ts";

Deno.test("AEAD=native encrypts and decrypts short texts at once, and long ones in WebCrypto's threads", async () => {
  const nonce = new Uint8Array(12);
  for (const [length, isSync] of [[0, true], [2048, true], [2049, false]] as const) {
    const sealed = KEY.aead.encrypt(new Uint8Array(length), { nonce });
    assertEquals(sealed instanceof Uint8Array, isSync, `encrypt ${length} bytes`);
    const opened = KEY.aead.decrypt(await sealed, { nonce });
    assertEquals(opened instanceof Uint8Array, isSync, `decrypt ${length} bytes`);
    assertEquals(await opened, new Uint8Array(length));
  }
});
