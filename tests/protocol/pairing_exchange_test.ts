import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { fromBase64Url, fromHex, toBase64Url, toHex } from "../../src/protocol/bytes.ts";
import { type AgreementKey, generateAgreementKey } from "../../src/protocol/p256.ts";
import { deriveDeviceKey, derivePairingKey } from "../../src/protocol/pairing_exchange.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { openResponseV2, sealRequestV2, sealResponseV2 } from "../../src/protocol/v2/envelope.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

const { pairing, refused } = vectors.v2;
const SHARED = { pairingKey: fromHex(pairing.pairingKey), salt: fromHex(pairing.request.salt) };

/** Ephemeral key pair of a vector. */
async function frozen(side: { readonly privateKey: string; readonly public: string }): Promise<AgreementKey> {
  const point = fromBase64Url(side.public);
  const [x, y] = [toBase64Url(point.slice(1, 33)), toBase64Url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", d: side.privateKey, x, y };
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["deriveBits"]);
  return { privateKey, publicPoint: side.public };
}

const [device, gateway] = [await frozen(pairing.device), await frozen(pairing.gateway)];

Deno.test("derivePairingKey() derives the frozen key and id from the frozen code", async () => {
  const pairingKey = await derivePairingKey(fromHex(pairing.code));
  assertEquals(toHex(pairingKey), pairing.pairingKey);
  assertEquals((await importSecretKey(pairingKey)).kid, pairing.kid);
});

Deno.test("deriveDeviceKey() derives the frozen key and id on both sides", async () => {
  const onDevice = await deriveDeviceKey(device, { ...SHARED, publicPoint: gateway.publicPoint });
  const onGateway = await deriveDeviceKey(gateway, { ...SHARED, publicPoint: device.publicPoint });
  assertEquals([onDevice, onGateway], [fromHex(pairing.deviceKey), fromHex(pairing.deviceKey)]);
  assertEquals((await importSecretKey(fromHex(pairing.deviceKey))).kid, pairing.deviceKid);
});

Deno.test("deriveDeviceKey() derives another key where the point, the pairing key or the salt is another", async () => {
  const inputs = { ...SHARED, publicPoint: gateway.publicPoint };
  const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, at) => at === 0 ? byte ^ 1 : byte);
  for (
    const changed of [
      { ...inputs, publicPoint: (await generateAgreementKey()).publicPoint },
      { ...inputs, pairingKey: flipped(inputs.pairingKey) },
      { ...inputs, salt: flipped(inputs.salt) },
    ]
  ) {
    const key = await deriveDeviceKey(device, changed);
    assertEquals(key?.length, 32);
    assertNotEquals(key, fromHex(pairing.deviceKey));
  }
});

Deno.test("deriveDeviceKey() returns undefined for every frozen point that is not valid", async () => {
  assert(refused.points.length >= 13);
  for (const { name, public: publicPoint } of refused.points) {
    assertEquals(await deriveDeviceKey(device, { ...SHARED, publicPoint }), undefined, name);
  }
});

Deno.test("deriveDeviceKey() returns undefined for random bytes and texts, and never throws", async () => {
  const point = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => toBase64Url(Uint8Array.of(4, ...bytes)));
  await fc.assert(fc.asyncProperty(fc.oneof(point, fc.string()), async (publicPoint) => {
    assertEquals(await deriveDeviceKey(device, { ...SHARED, publicPoint }), undefined);
  }));
});

Deno.test("the frozen pairing request and its answer are of version 2, under the pairing key, on the route /pair", async () => {
  const key = await importSecretKey(fromHex(pairing.pairingKey));
  const { request, answer } = pairing;
  const sealed = await sealRequestV2(key, request.plaintext, { route: "/pair", random: () => fromHex(request.salt) });
  assertEquals(String(sealed.text), request.text);
  const sealedAnswer = await sealResponseV2(sealed.binding, answer.plaintext, () => fromHex(answer.salt));
  assertEquals(String(sealedAnswer), answer.text);
  assertEquals(String(await openResponseV2(sealed.binding, answer.text)), answer.plaintext);
});
