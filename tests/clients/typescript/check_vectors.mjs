/** Checks the npm package against the frozen vectors of the protocol. */
import assert from "node:assert/strict";
import { loadModule } from "./installed.mjs";

const { EnvelopeError } = await loadModule("protocol/aead");
const { fromBase64Url, fromHex, toBase64Url, toHex } = await loadModule("protocol/bytes");
const { openEnvelope, parseEnvelope, sealEnvelope } = await loadModule("protocol/v1/envelope");
const { parseEvents } = await loadModule("client/event");
const { deriveDeviceKey, derivePairingKey } = await loadModule("protocol/pairing_exchange");
const { parsePairingCode, parsePairingLink } = await loadModule("protocol/pairing_link");
const { importSecretKey } = await loadModule("protocol/secret_key");
const { decryptPush } = await loadModule("protocol/push/message_encryption");
const { StreamOpener, StreamSealer } = await loadModule("protocol/v2/stream");
const { openResponseV2, parseRequestV2, sealRequestV2, sealResponseV2, tryRequestV2 } = await loadModule(
  "protocol/v2/envelope",
);

/**
 * Checks all vectors.
 *
 * @returns their number
 */
export async function checkVectors({ key: hex, kid, v1, v2, push }) {
  const key = await importSecretKey(fromHex(hex));
  assert.equal(key.kid, kid);
  let checked = 0;

  async function each(vectors, check) {
    for (const vector of vectors) {
      await check(vector);
      checked += 1;
    }
  }

  const openV1 = ({ envelope }) => openEnvelope(key.aead, parseEnvelope(envelope));
  await each([...v1.requests, ...v1.answers, ...v1.events], async (vector) => {
    const { nonce, plaintext, envelope } = vector;
    assert.equal(await sealEnvelope(key.aead, plaintext, () => fromHex(nonce)), envelope);
    assert.equal(await openV1(vector), plaintext);
  });
  await each(v1.accepted, async (vector) => assert.equal(await openV1(vector), vector.plaintext));
  await each(v1.refused, (vector) => refuses(vector, () => openV1(vector)));

  const openRequest = ({ route, text }) => tryRequestV2(key, parseRequestV2(text), route);
  await each(v2.requests, async (vector) => {
    const { route, salt, plaintext, text } = vector;
    const sealed = await sealRequestV2(key, plaintext, { route, random: () => fromHex(salt) });
    assert.equal(sealed.text, text);
    assert.equal(await openRequest(vector), plaintext);
  });
  await each(v2.refused.requests, (vector) => refuses(vector, () => openRequest(vector)));

  const bind = ({ route = "/mqtt/subscribe", requestSalt }) => ({ key, route, salt: fromHex(requestSalt) });
  const openAnswer = (vector) => openResponseV2(bind(vector), vector.text);
  await each(v2.answers, async (vector) => {
    assert.equal(await sealResponseV2(bind(vector), vector.plaintext, () => fromHex(vector.salt)), vector.text);
    assert.equal(await openAnswer(vector), vector.plaintext);
  });
  await each(v2.refused.answers, (vector) => refuses(vector, () => openAnswer(vector)));

  await each(v2.streams, async (vector) => {
    const sealer = await StreamSealer.begin(bind(vector), () => fromHex(vector.salt));
    const opener = await StreamOpener.begin(bind(vector), vector.opening);
    assert.equal(sealer.opening, vector.opening);
    for (const { id, plaintext, data } of vector.events) {
      const { n, text } = sealer.seal(plaintext);
      assert.deepEqual([String(n), await text], [id, data]);
      assert.equal(await opener.open(data, id), plaintext);
    }
  });
  await each(v2.refused.streams, async (vector) => {
    const good = vector.events.slice(0, -1);
    const last = vector.events.at(-1);
    const opener = await StreamOpener.begin(bind(vector), vector.opening);
    for (const { id, data } of good) await opener.open(data, id);
    await refuses(vector, () => opener.open(last.data, last.id));
  });
  await each(v2.batches, ({ plaintext, events }) => {
    assert.deepEqual(parseEvents(plaintext), events.map((event) => JSON.parse(event)));
  });
  await each(
    v2.refused.batches,
    ({ name, plaintext }) => assert.throws(() => parseEvents(plaintext), SyntaxError, name),
  );
  await checkPairing(each, v2);
  await checkPush(each, push);
  return checked;
}

async function checkPairing(each, { pairing, refused }) {
  const { code, links, kid, request, answer, device, gateway } = pairing;
  await each(links, ({ link, ...parts }) => {
    assert.deepEqual(parsePairingLink(link), parts);
    assert.equal(toHex(parsePairingCode(parts.code)), code);
  });
  const pairingKey = await derivePairingKey(fromHex(code));
  assert.equal(toHex(pairingKey), pairing.pairingKey);
  const key = await importSecretKey(pairingKey);
  assert.equal(key.kid, kid);
  const { route, plaintext, text } = request;
  const sealed = await sealRequestV2(key, plaintext, { route, random: () => fromHex(request.salt) });
  assert.equal(sealed.text, text);
  assert.equal(await openResponseV2(sealed.binding, answer.text), answer.plaintext);
  const [onDevice, onGateway] = await Promise.all([device, gateway].map(importSide));
  const derive = async (side, publicPoint) => {
    const derived = await deriveDeviceKey(side, { publicPoint, pairingKey, salt: fromHex(request.salt) });
    return derived && toHex(derived);
  };
  assert.equal(await derive(onDevice, gateway.public), pairing.deviceKey);
  assert.equal(await derive(onGateway, device.public), pairing.deviceKey);
  assert.equal((await importSecretKey(fromHex(pairing.deviceKey))).kid, pairing.deviceKid);
  await each(refused.points, async (vector) => assert.equal(await derive(onDevice, vector.public), undefined));
  await each(refused.links, ({ name, link }) => assert.throws(() => parsePairingLink(link), TypeError, name));
}

async function checkPush(each, { receiver, messages, refused }) {
  const keys = { ...await importSide(receiver), auth: receiver.auth };
  const open = ({ body }) => decryptPush(fromBase64Url(body), keys);
  await each(messages, async (vector) => assert.equal(await open(vector), vector.text, vector.name));
  await each(refused, (vector) => refuses(vector, () => open(vector)));
}

async function importSide(side) {
  const point = fromBase64Url(side.public);
  const [x, y] = [toBase64Url(point.slice(1, 33)), toBase64Url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", d: side.privateKey, x, y };
  const p256 = { name: "ECDH", namedCurve: "P-256" };
  return {
    publicPoint: side.public,
    privateKey: await crypto.subtle.importKey("jwk", jwk, p256, false, ["deriveBits"]),
  };
}

async function refuses({ name }, open) {
  try {
    if (await open() === undefined) return;
  } catch (error) {
    if (error instanceof EnvelopeError) return;
    throw error;
  }
  throw new Error(`Was opened: ${name}`);
}
