import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { adminProof, adminTokenFileOf, isAdminProof, isAdminToken } from "../../src/keys/admin_token.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";

Deno.test("adminTokenFileOf() is beside the key file", () => {
  assertEquals(adminTokenFileOf("data/secret_key.txt"), "data/admin_token");
  assertEquals(adminTokenFileOf("/var/lib/gateway/key"), "/var/lib/gateway/admin_token");
});

Deno.test("isAdminToken() accepts the token alone", () => {
  const token = randomBytes(32);
  assert(isAdminToken(token.toHex(), token));
  for (const text of ["", token.toHex().slice(2), `${token.toHex()}00`, randomBytes(32).toHex(), "x".repeat(64)]) {
    assert(!isAdminToken(text, token));
  }
});

Deno.test("a proof is for one token and one challenge, and is not the token", () => {
  const [token, challenge] = [randomBytes(32), randomBytes(32)];
  const proof = adminProof(token, challenge);
  assert(isAdminProof(proof, token, challenge));
  assert(!isAdminProof(proof, token, randomBytes(32)));
  assert(!isAdminProof(proof, randomBytes(32), challenge));
  assert(!isAdminProof("", token, challenge));
  assertNotEquals(proof, token.toHex());
});
