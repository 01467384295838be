/**
 * Makes the vectors that every implementation of the protocol has to agree with. They are frozen in `vectors.json`; a
 * test compares. Run it only when the protocol gets something new:
 *
 *     deno run tests/testdata/make_vectors.ts > tests/testdata/vectors.json
 */
import type { Bytes, RandomBytes } from "../../src/protocol/bytes.ts";
import { fromBase64, fromBase64Url, fromHex, toBase64, toBase64Url, toHex } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { type RequestBinding, type Route, sealRequestV2, sealResponseV2 } from "../../src/protocol/v2/envelope.ts";
import { deriveDeviceKey, derivePairingKey, type DeviceKeyInputs } from "../../src/protocol/pairing_exchange.ts";
import { formatPairingAppLink, formatPairingLink } from "../../src/protocol/pairing_link.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { StreamSealer } from "../../src/protocol/v2/stream.ts";
import { makePushVectors } from "./make_push_vectors.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffe0e1e2e3e4e5e6e7e8e9eaebecedeeef";

/** Deterministic bytes in place of random ones: they count up from a start. */
function counting(start: number): RandomBytes {
  return (length) => Uint8Array.from({ length }, (_, index) => (start + index) & 0xff);
}

const CALL = '{"service":"jeedom","jsonrpc":"datetime","timestamp":1700000000}';
const PUBLISH = '{"topic":"home/lamp/set","message":"on ☀","qos":1,"timestamp":1700000000.25}';
const SUBSCRIBE = '{"topics":["home/#"],"keep":true,"timestamp":1700000000}';
const SUBSCRIBE_BATCH = '{"topics":["home/#"],"batch":true,"timestamp":1700000000}';
const ANSWER = '{"status":200,"body":{"jsonrpc":"2.0","id":99999,"result":1700000000.25},"timestamp":1700000000}';
const PUBLISHED =
  '{"status":200,"body":"{\\"success\\":true,\\"topic\\":\\"home/lamp/set\\",\\"message\\":\\"Published successfully\\"}","timestamp":1700000000}';
const EXPIRED = '{"status":403,"body":"{\\"error\\":\\"Request expired\\"}","timestamp":1700000000}';
const EVENTS = [
  '{"type":"connected","topic":"home/#","topics":["home/#"],"message":"Successfully connected and subscribed to home/#","epoch":"5f0c1b2a3d4e5f60","offset":40}',
  '{"type":"message","topic":"home/livingroom/temperature","payload":"22.5","qos":0,"retain":false,"timestamp":1700000001,"epoch":"5f0c1b2a3d4e5f60","offset":41}',
  '{"type":"ping","timestamp":1700000015}',
  '{"type":"end","reason":"restart","message":"Gateway is shutting down","timestamp":1700000016}',
];
const MESSAGES = [
  '"topic":"home/door","payload":"open","qos":1,"retain":false,"timestamp":1700000002,"epoch":"5f0c1b2a3d4e5f60","offset":42',
  '"topic":"home/camera","payload":null,"payload_b64":"/w==","qos":0,"retain":false,"timestamp":1700000002,"epoch":"5f0c1b2a3d4e5f60","offset":44',
  '"topic":"home/door","payload":"é ☀","qos":1,"retain":false,"timestamp":1700000003,"epoch":"5f0c1b2a3d4e5f60","offset":45',
];
const BATCH = `{"type":"messages","messages":[${MESSAGES.map((message) => `{${message}}`).join()}]}`;
const [CONNECTED = "", , , END = ""] = EVENTS;
const BATCH_EVENTS = [CONNECTED, BATCH, END];

const key = await importSecretKey(fromHex(KEY));
const other = await importSecretKey(fromHex(OTHER_KEY));

/** The same text with the lowest bit of one byte flipped; the last byte by default. */
function flip(bytes: Bytes, at = bytes.length - 1): Bytes {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

async function derived(
  info: string,
  { ikm = fromHex(KEY), salts }: { readonly ikm?: Bytes; readonly salts: readonly Bytes[] },
): Promise<string> {
  const hkdf = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
  const salt = fromHex(salts.map(toHex).join(""));
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info: new TextEncoder().encode(info) };
  return toHex(new Uint8Array(await crypto.subtle.deriveBits(parameters, hkdf, 256)));
}

async function envelope(name: string, plaintext: string, start: number) {
  const random = counting(start);
  return { name, nonce: toHex(random(12)), plaintext, envelope: await sealEnvelope(key.aead, plaintext, random) };
}

async function request(name: string, { route, plaintext, start }: { route: Route; plaintext: string; start: number }) {
  const { text, binding } = await sealRequestV2(key, plaintext, { route, random: counting(start) });
  const messageKey = await derived("e2eg/2 request", { salts: [binding.salt] });
  return {
    binding,
    vector: {
      name,
      route,
      salt: toHex(binding.salt),
      messageKey,
      additionalData: `e2eg/2 request\n${key.kid}\n${route}`,
      plaintext,
      text: String(text),
    },
  };
}

async function answer(name: string, binding: RequestBinding, plaintext: string) {
  const random = counting(0xd0);
  return {
    name,
    route: binding.route,
    requestSalt: toHex(binding.salt),
    salt: toHex(random(16)),
    messageKey: await derived("e2eg/2 response", { salts: [binding.salt, random(16)] }),
    additionalData: `e2eg/2 response\n${key.kid}\n${binding.route}`,
    plaintext,
    text: String(await sealResponseV2(binding, plaintext, random)),
  };
}

async function stream(binding: RequestBinding, plaintexts: readonly string[], start: number) {
  const random = counting(start);
  const sealer = await StreamSealer.begin(binding, random);
  const events = [];
  for (const plaintext of plaintexts) {
    const { n, text } = sealer.seal(plaintext);
    events.push({ id: String(n), plaintext, data: String(await text) });
  }
  return {
    requestSalt: toHex(binding.salt),
    salt: toHex(random(16)),
    messageKey: await derived("e2eg/2 stream", { salts: [binding.salt, random(16)] }),
    opening: sealer.opening,
    events,
  };
}

const call = await request("a Jeedom call", { route: "/gateway", plaintext: CALL, start: 0x40 });
const publish = await request("an MQTT message", { route: "/mqtt/publish", plaintext: PUBLISH, start: 0x50 });
const subscribe = await request("a subscription", { route: "/mqtt/subscribe", plaintext: SUBSCRIBE, start: 0x60 });
const batched = await request("a subscription that asks for batches", {
  route: "/mqtt/subscribe",
  plaintext: SUBSCRIBE_BATCH,
  start: 0x90,
});
const again = await request("the same call again", { route: "/gateway", plaintext: CALL, start: 0x70 });

const v1Request = await envelope("a Jeedom call", CALL, 0xa0);
const v1Answer = await envelope("an answer", ANSWER, 0xb0);
const answers = [
  await answer("an answer of Jeedom", call.binding, ANSWER),
  await answer("a message was published", publish.binding, PUBLISHED),
  await answer("the request was stale: the gateway's clock", call.binding, EXPIRED),
];
const [firstAnswer] = answers;
const events = await stream(subscribe.binding, EVENTS, 0xe0);
const [zeroth, first, second, third] = events.events;
if (!firstAnswer || !zeroth || !first || !second || !third) throw new Error("Not enough vectors");

const bare = ({ id, data }: { id: string; data: string }) => ({ id, data });
const [, kid = "", payload = ""] = call.vector.text.split(".");
const requestBytes = fromBase64Url(payload);
const asRequest = (bytes: Bytes, name = kid) => `2.${name}.${toBase64Url(bytes)}`;
const answerBytes = fromBase64Url(firstAnswer.text.slice(2));
const nonUtf8 = async () => {
  const salt = counting(0x80)(16);
  const raw = await crypto.subtle.importKey(
    "raw",
    fromHex(await derived("e2eg/2 request", { salts: [salt] })),
    "AES-GCM",
    false,
    ["encrypt"],
  );
  const sealed = await crypto.subtle.encrypt(
    {
      name: "AES-GCM",
      iv: new Uint8Array(12),
      additionalData: new TextEncoder().encode(`e2eg/2 request\n${kid}\n/gateway`),
    },
    raw,
    Uint8Array.of(0xff, 0xfe),
  );
  return asRequest(fromHex(toHex(salt) + toHex(new Uint8Array(sealed))));
};
const refuse = (name: string, reason: string, text: string, route: Route = "/gateway") => ({
  name,
  reason,
  route,
  text,
});
const refuseAnswer = (name: string, reason: string, text: string, binding: RequestBinding = call.binding) => ({
  name,
  reason,
  route: binding.route,
  requestSalt: toHex(binding.salt),
  text,
});
const refuseStream = (
  name: string,
  reason: string,
  changed: { readonly events: readonly { id: string; data: string }[]; readonly opening?: string; salt?: Bytes },
) => ({
  name,
  reason,
  requestSalt: toHex(changed.salt ?? subscribe.binding.salt),
  opening: changed.opening ?? events.opening,
  // The last of these is the one to refuse; the ones before are valid.
  events: changed.events.map(bare),
});

/** Both sides of a pairing exchange. Their private keys count up from 1 and 33; Python's cryptography made the points. */
const DEVICE = {
  privateKey: "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
  public: "BFFcPW6545a5BNP-yn9U_c0MwemXvzddylFa0KbDtANfRTa-OlDzGPv5pUdZAqIhUCvvDVfgjFOyzApW8X2fk1Q",
};
const GATEWAY = {
  privateKey: "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A",
  public: "BB8UAUa_sbJR-E9N2-DUzc_Xev2YSpUg41eUAh-DErue7JlaCLH6dwTfPcwLUKlmUmP7dxH5X5-KRJxQluR8iSs",
};
const DEVICE_POINT = fromBase64Url(DEVICE.public);

/** Derives the device key as one side does. */
async function deviceKeyOf(side: typeof DEVICE, inputs: DeviceKeyInputs): Promise<string> {
  const point = fromBase64Url(side.public);
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map(toBase64Url);
  if (x === undefined || y === undefined) throw new Error("Not a point");
  const jwk = { kty: "EC", crv: "P-256", d: side.privateKey, x, y };
  const privateKey = await crypto.subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, false, [
    "deriveBits",
  ]);
  const deviceKey = await deriveDeviceKey({ privateKey, publicPoint: side.public }, inputs);
  if (deviceKey === undefined) throw new Error("Not a point");
  return toHex(deviceKey);
}

const code = counting(0)(16);
const pairingKey = await derivePairingKey(code);
const pairingSecret = await importSecretKey(pairingKey);
const pairingSalt = counting(0x10)(16);
const deviceKey = await deviceKeyOf(DEVICE, { publicPoint: GATEWAY.public, pairingKey, salt: pairingSalt });
if (deviceKey !== await deviceKeyOf(GATEWAY, { publicPoint: DEVICE.public, pairingKey, salt: pairingSalt })) {
  throw new Error("Both sides must get the same key");
}
const deviceKid = (await importSecretKey(fromHex(deviceKey))).kid;
const PAIR = `{"timestamp":1700000000,"public":"${DEVICE.public}","label":"Anna's phone ☀"}`;
const PAIRED =
  `{"status":200,"body":{"public":"${GATEWAY.public}","name":"annas-phone","kid":"${deviceKid}","rights":{"mqtt":{"subscribe":["home/#"]}},"expires":"2030-01-01T00:00:00Z"},"timestamp":1700000000}`;
const pairRequest = await sealRequestV2(pairingSecret, PAIR, { route: "/pair", random: () => pairingSalt });
const PAIRING_LINK = { url: "https://home.example/e2e", code: toBase64Url(code) };
const APP_LINK = formatPairingAppLink(PAIRING_LINK);

const vectors = {
  about: "Frozen test vectors of the protocol, see docs/protocol.md. Never use this key or this randomness.",
  key: KEY,
  kid: key.kid,
  v1: {
    requests: [v1Request, await envelope("an MQTT message", PUBLISH, 0xa8)],
    answers: [v1Answer, await envelope("a stale request", EXPIRED, 0xb8)],
    events: [await envelope("a message", EVENTS[1] ?? "", 0xc0)],
    accepted: [{
      name: "lines broken as by Android's encoder",
      plaintext: CALL,
      envelope: `${v1Request.envelope.replace(/(.{76})/g, "$1\r\n")}\n`,
    }],
    refused: [
      ["last bit of the tag flipped", "tag", toBase64(flip(fromBase64(v1Request.envelope)))],
      ["first bit of the nonce flipped", "tag", toBase64(flip(fromBase64(v1Request.envelope), 0))],
      ["sealed with another key", "tag", String(await sealEnvelope(other.aead, CALL, counting(0xa0)))],
      ["padding left out", "base64", v1Request.envelope.replace(/=+$/, "")],
      ["unused bits that are not zero", "base64", v1Request.envelope.replace(/4=$/, "5=")],
      ["alphabet of base64url", "base64", v1Request.envelope.replaceAll("+", "-").replaceAll("/", "_")],
      ["27 bytes", "length", v1Request.envelope.slice(0, 36)],
      ["nothing", "length", ""],
      ["not UTF-8", "utf-8", String(await sealEnvelope(key.aead, Uint8Array.of(0xff, 0xfe), counting(0xa0)))],
    ].map(([name, reason, text]) => ({ name, reason, envelope: text })),
  },
  v2: {
    requests: [call.vector, publish.vector, subscribe.vector, again.vector, batched.vector],
    answers,
    streams: [
      { name: "a whole stream", ...events },
      { name: "a stream with a batch", ...await stream(batched.binding, BATCH_EVENTS, 0xf0) },
    ],
    // Opened events, and the events that the caller of a client gets.
    batches: [
      { name: "three messages", plaintext: BATCH, events: MESSAGES.map((message) => `{"type":"message",${message}}`) },
      {
        name: "one message",
        plaintext: `{"type":"messages","messages":[{${MESSAGES[0]}}]}`,
        events: [`{"type":"message",${MESSAGES[0]}}`],
      },
      { name: "no batch", plaintext: END, events: [END] },
    ],
    pairing: {
      code: toHex(code),
      links: [formatPairingLink(PAIRING_LINK), APP_LINK].map((link) => ({ link, ...PAIRING_LINK })),
      pairingKey: toHex(pairingKey),
      kid: pairingSecret.kid,
      device: DEVICE,
      gateway: GATEWAY,
      request: {
        route: "/pair",
        salt: toHex(pairingSalt),
        messageKey: await derived("e2eg/2 request", { ikm: pairingKey, salts: [pairingSalt] }),
        additionalData: `e2eg/2 request\n${pairingSecret.kid}\n/pair`,
        plaintext: PAIR,
        text: String(pairRequest.text),
      },
      answer: {
        route: "/pair",
        requestSalt: toHex(pairingSalt),
        salt: toHex(counting(0xd0)(16)),
        messageKey: await derived("e2eg/2 response", { ikm: pairingKey, salts: [pairingSalt, counting(0xd0)(16)] }),
        additionalData: `e2eg/2 response\n${pairingSecret.kid}\n/pair`,
        plaintext: PAIRED,
        text: String(await sealResponseV2(pairRequest.binding, PAIRED, counting(0xd0))),
      },
      deviceKey,
      deviceKid,
    },
    refused: {
      requests: [
        refuse("last bit of the tag flipped", "tag", asRequest(flip(requestBytes))),
        refuse("first bit of the salt flipped", "tag", asRequest(flip(requestBytes, 0))),
        refuse("sent to another route", "route", call.vector.text, "/mqtt/publish"),
        refuse("id of another key", "kid", asRequest(requestBytes, other.kid)),
        refuse(
          "sealed with another key",
          "tag",
          asRequest(
            fromBase64Url(
              (await sealRequestV2(other, CALL, { route: "/gateway", random: counting(0x40) })).text.split(".")[2] ??
                "",
            ),
          ),
        ),
        refuse("an answer sent back", "direction", asRequest(answerBytes)),
        refuse("an answer sent back as it is", "format", firstAnswer.text),
        refuse("kid in capitals", "format", asRequest(requestBytes, kid.toUpperCase())),
        refuse("kid left out", "format", `2.${payload}`),
        refuse("padding", "base64url", `${call.vector.text}==`),
        refuse("alphabet of base64", "base64url", `2.${kid}.${toBase64(requestBytes).replace(/=+$/, "")}`),
        refuse("white space at the end", "base64url", `${call.vector.text}\n`),
        refuse("31 bytes", "length", asRequest(requestBytes.subarray(0, 31))),
        refuse("another version", "format", `3${call.vector.text.slice(1)}`),
        refuse("not UTF-8", "utf-8", await nonUtf8()),
      ],
      answers: [
        refuseAnswer("last bit of the tag flipped", "tag", `2.${toBase64Url(flip(answerBytes))}`),
        refuseAnswer("the answer to the same call, asked another time", "request", firstAnswer.text, again.binding),
        refuseAnswer("the request sent back", "direction", `2.${payload}`),
        refuseAnswer("an answer of version 1", "version", v1Answer.envelope),
        refuseAnswer("31 bytes", "length", `2.${toBase64Url(answerBytes.subarray(0, 31))}`),
      ],
      streams: [
        refuseStream("first event left out", "order", { events: [first] }),
        refuseStream("an event left out", "order", { events: [zeroth, second] }),
        refuseStream("left out, and the next one renumbered", "order", { events: [zeroth, { ...second, id: "1" }] }),
        refuseStream("an event twice", "order", { events: [zeroth, zeroth] }),
        refuseStream("a number that is not the event's", "order", { events: [zeroth, { ...first, id: "7" }] }),
        refuseStream("a bit flipped", "tag", {
          events: [{ ...zeroth, data: toBase64Url(flip(fromBase64Url(zeroth.data), 0)) }],
        }),
        refuseStream("the stream of another request", "request", { events: [zeroth], salt: call.binding.salt }),
        refuseStream("another salt", "salt", { events: [zeroth], opening: `2.${toBase64Url(counting(0xe1)(16))}` }),
        refuseStream("an answer as an event", "direction", {
          events: [{ id: "0", data: toBase64Url(answerBytes.subarray(16)) }],
        }),
        refuseStream("padding", "base64url", { events: [{ ...zeroth, data: `${zeroth.data}=` }] }),
      ],
      points: [
        ["not on the curve", toBase64Url(flip(DEVICE_POINT))],
        ["zero", toBase64Url(Uint8Array.of(4, ...new Uint8Array(64)))],
        ["a coordinate larger than the field", toBase64Url(Uint8Array.of(4, ...new Uint8Array(64).fill(0xff)))],
        ["compressed", "AlFcPW6545a5BNP-yn9U_c0MwemXvzddylFa0KbDtANf"],
        ["hybrid form", toBase64Url(Uint8Array.of(6, ...DEVICE_POINT.subarray(1)))],
        ["without its first byte", toBase64Url(DEVICE_POINT.subarray(1))],
        ["64 bytes", toBase64Url(DEVICE_POINT.subarray(0, 64))],
        ["66 bytes", toBase64Url(Uint8Array.of(...DEVICE_POINT, 0))],
        ["the point at infinity", "AA"],
        ["nothing", ""],
        ["padding", `${DEVICE.public}=`],
        ["alphabet of base64", toBase64(DEVICE_POINT).replace(/=+$/, "")],
        ["white space at the end", `${DEVICE.public}\n`],
      ].map(([name, text]) => ({ name, public: text })),
      links: [
        ["nothing", ""],
        ["a code alone", PAIRING_LINK.code],
        ["no code", `${PAIRING_LINK.url}/#pair=`],
        ["15 bytes", `${PAIRING_LINK.url}/#pair=AAECAwQFBgcICQoLDA0O`],
        ["17 bytes", `${PAIRING_LINK.url}/#pair=AAECAwQFBgcICQoLDA0ODxA`],
        ["unused bits that are not zero", `${PAIRING_LINK.url}/#pair=AAECAwQFBgcICQoLDA0ODx`],
        ["padding", `${PAIRING_LINK.url}/#pair=AAECAwQFBgcICQoLDA0ODw==`],
        ["alphabet of base64", `${PAIRING_LINK.url}/#pair=++++++++++++++++++++AA`],
        ["white space at the end", `${PAIRING_LINK.url}/#pair=${PAIRING_LINK.code}\n`],
        ["white space before", ` ${PAIRING_LINK.url}/#pair=${PAIRING_LINK.code}`],
        ["another field in the fragment", `${PAIRING_LINK.url}/#pair=${PAIRING_LINK.code}&name=phone`],
        ["the code in the query", `${PAIRING_LINK.url}/?pair=${PAIRING_LINK.code}`],
        ["a query", `${PAIRING_LINK.url}/?a#pair=${PAIRING_LINK.code}`],
        ["a password", `https://user:secret@home.example/#pair=${PAIRING_LINK.code}`],
        ["another scheme", `ftp://home.example/#pair=${PAIRING_LINK.code}`],
        ["no host", `https:///#pair=${PAIRING_LINK.code}`],
        ["a key in place of a code", `e2eg://pair?url=https%3A%2F%2Fhome.example&name=phone#key=${KEY}`],
        ["a name", `e2eg://pair?url=https%3A%2F%2Fhome.example&name=phone#code=${PAIRING_LINK.code}`],
        [
          "two addresses",
          `e2eg://pair?url=https%3A%2F%2Fa.example&url=https%3A%2F%2Fb.example#code=${PAIRING_LINK.code}`,
        ],
        ["an address that is no gateway's", `e2eg://pair?url=file%3A%2F%2F%2Fetc#code=${PAIRING_LINK.code}`],
        [
          "percent-encoding that is not UTF-8",
          `e2eg://pair?url=https%3A%2F%2Fhome.example%2F%ff#code=${PAIRING_LINK.code}`,
        ],
        ["the fragment of the other form", APP_LINK.replace("#code=", "#pair=")],
      ].map(([name, link]) => ({ name, link })),
      batches: [
        ["no list", '{"type":"messages"}'],
        ["an object in place of the list", `{"type":"messages","messages":{${MESSAGES[0]}}}`],
        ["an empty list", '{"type":"messages","messages":[]}'],
        ["a text among the messages", `{"type":"messages","messages":[{${MESSAGES[0]}},"open"]}`],
        ["a list among the messages", `{"type":"messages","messages":[{${MESSAGES[0]}},[]]}`],
        ["null among the messages", `{"type":"messages","messages":[null,{${MESSAGES[0]}}]}`],
      ].map(([name, plaintext]) => ({ name, reason: "batch", plaintext })),
    },
  },
  push: await makePushVectors(),
};

// deno-lint-ignore no-console
console.log(JSON.stringify(vectors, null, 2));
