import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { fromBase64Url, toBase64Url } from "../../src/protocol/bytes.ts";
import { agree, generateAgreementKey, isPublicPoint, parsePoint } from "../../src/protocol/p256.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

Deno.test("agree() computes the shared secret of RFC 8291, appendix A", async () => {
  const jwk = {
    ...{ kty: "EC", crv: "P-256", d: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw" },
    x: "_jP0qw3qcZFNtVgj9ztUlI9BMG2SBzLbuaWaUyhkgiA",
    y: "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
  };
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["deriveBits"]);
  const publicPoint = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
  const secret = await agree({ privateKey }, publicPoint);
  assertEquals(secret && toBase64Url(secret), "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
});

Deno.test("generateAgreementKey() makes a new key pair each time, whose private key cannot be read", async () => {
  const [one, other] = [await generateAgreementKey(), await generateAgreementKey()];
  assertNotEquals(one.publicPoint, other.publicPoint);
  assertEquals([one.privateKey.extractable, fromBase64Url(one.publicPoint).length], [false, 65]);
  assertEquals(await agree(one, other.publicPoint), await agree(other, one.publicPoint));
});

Deno.test("isPublicPoint() accepts points of the curve alone", async () => {
  assert(await isPublicPoint((await generateAgreementKey()).publicPoint));
  for (const { name, public: point } of vectors.v2.refused.points) assert(!await isPublicPoint(point), name);
  const offCurve = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((xy) => toBase64Url(Uint8Array.of(4, ...xy)));
  await fc.assert(
    fc.asyncProperty(fc.oneof(offCurve, fc.string()), async (text) => assert(!await isPublicPoint(text))),
    { numRuns: 50 },
  );
});

Deno.test("parsePoint() accepts 65 bytes of the uncompressed form in their only spelling", () => {
  const bytes = Uint8Array.of(4, ...new Uint8Array(64));
  const text = toBase64Url(bytes);
  assertEquals(parsePoint(text), bytes);
  for (const wrong of ["", `${text}=`, `${text} `, text.slice(2), `A${text.slice(1)}`, text.replaceAll("A", "+")]) {
    assertEquals(parsePoint(wrong), undefined, wrong);
  }
});
