import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fromBase64Url } from "../../src/protocol/bytes.ts";
import { isVapidSubject, vapidAuthorization, VapidTokens } from "../../src/push/vapid.ts";
import { generateVapidKey, parseVapidKey } from "../../src/push/vapid_key.ts";

const HOUR_MS = 3_600_000;
const NOW = Date.parse("2027-01-31T12:00:00Z");
const SUBJECT = "mailto:operator@home.example";

const endpoint = new URL("https://push.example:8443/send/secret?token=1");
const key = await parseVapidKey(await generateVapidKey());

/** Parts of a header by the grammar of RFC 9110, section 11.4. */
function parse(authorization: string) {
  assertMatch(authorization, /^vapid t=[\w-]+\.[\w-]+\.[\w-]+, k=[\w-]{87}$/);
  const parameters = new Map(
    authorization.slice("vapid ".length).split(", ").map((one): [string, string] => {
      const [name = "", ...rest] = one.split("=");
      return [name, rest.join("=")];
    }),
  );
  const [token = "", publicKey = ""] = [parameters.get("t"), parameters.get("k")];
  const [header = "", claims = "", signature = ""] = token.split(".");
  const json = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
  return { header: json(header), claims: json(claims), signed: `${header}.${claims}`, signature, publicKey };
}

/** Verifies a signature with WebCrypto, and with OpenSSL. */
async function isSigned({ signed, signature, publicKey }: ReturnType<typeof parse>): Promise<boolean> {
  const [point, bytes, text] = [fromBase64Url(publicKey), fromBase64Url(signature), new TextEncoder().encode(signed)];
  const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", point, ecdsa, true, ["verify"]);
  const { x, y } = await crypto.subtle.exportKey("jwk", imported);
  const other = createPublicKey({ key: { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" }, format: "jwk" });
  const results = [
    await crypto.subtle.verify(ecdsa, imported, bytes, text),
    verify("sha256", text, { key: other, dsaEncoding: "ieee-p1363" }, bytes),
  ];
  assertEquals(results[0], results[1]);
  return results.every(Boolean);
}

Deno.test("vapidAuthorization() signs the origin of the endpoint, the end and the subject", async () => {
  const expires = NOW + HOUR_MS + 999;
  const parsed = parse(await vapidAuthorization(key, { endpoint, subject: SUBJECT, expires }));
  assertEquals(parsed.header, { typ: "JWT", alg: "ES256" });
  assertEquals(parsed.claims, { aud: "https://push.example:8443", exp: (NOW + HOUR_MS) / 1000, sub: SUBJECT });
  assertEquals(parsed.publicKey, key.publicKey);
  assert(await isSigned(parsed));
});

Deno.test("the example of RFC 8292, section 2.4, is parsed and verified in the same way", async () => {
  const parsed = parse(
    "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3Njgs" +
      "InN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNj" +
      "jvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs",
  );
  assertEquals(parsed.claims, { aud: "https://push.example.net", exp: 1453523768, sub: "mailto:push@example.com" });
  assert(await isSigned(parsed));
});

Deno.test("VapidTokens uses a token again until an hour before its end, for one origin alone", async () => {
  const tokens = new VapidTokens(key, SUBJECT);
  const first = await tokens.authorization(endpoint, NOW);
  const { claims } = parse(first);
  assertEquals(claims, { aud: endpoint.origin, exp: NOW / 1000 + 12 * 3600, sub: SUBJECT });
  assertEquals(await tokens.authorization(new URL("/other", endpoint), NOW + 11 * HOUR_MS - 1), first);
  const other = parse(await tokens.authorization(new URL("https://other.example/"), NOW));
  assertEquals(other.claims, { aud: "https://other.example", exp: NOW / 1000 + 12 * 3600, sub: SUBJECT });
  const renewed = parse(await tokens.authorization(endpoint, NOW + 11 * HOUR_MS));
  assertEquals(renewed.claims, { aud: endpoint.origin, exp: NOW / 1000 + 23 * 3600, sub: SUBJECT });
});

Deno.test("VapidTokens makes a new token when the clock was set back, or the last was refused", async () => {
  const tokens = new VapidTokens(key, SUBJECT);
  const first = await tokens.authorization(endpoint, NOW);
  const earlier = parse(await tokens.authorization(endpoint, NOW - HOUR_MS));
  assertEquals(earlier.claims, { aud: endpoint.origin, exp: NOW / 1000 + 11 * 3600, sub: SUBJECT });
  const second = await tokens.authorization(endpoint, NOW);
  assertEquals(second, await tokens.authorization(endpoint, NOW));
  tokens.forget(endpoint);
  assertNotEquals(await tokens.authorization(endpoint, NOW), second);
  assertNotEquals(first, second);
});

Deno.test("isVapidSubject() accepts addresses of mail and of web pages", () => {
  for (const subject of [SUBJECT, "https://home.example/", "https://home.example/contact"]) {
    assert(isVapidSubject(subject), subject);
  }
  for (const subject of ["", "operator@home.example", "mailto:", "mailto:operator", "mailto:a@localhost", "https://"]) {
    assert(!isVapidSubject(subject), subject);
  }
  for (const subject of ["http://home.example", "mailto:<a@b.c>", "mailto:a b@c.d", " https://home.example"]) {
    assert(!isVapidSubject(subject), subject);
  }
});
