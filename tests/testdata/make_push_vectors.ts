/**
 * Makes the vectors of push messages (RFC 8291), which gateway and clients have to agree on. Run by `make_vectors.ts`.
 *
 * @module
 */
import { type Bytes, concat, fromBase64Url, toBase64, toBase64Url } from "../../src/protocol/bytes.ts";
import type { AgreementKey } from "../../src/protocol/p256.ts";
import { encryptPush, MAX_PUSH_BYTES } from "../../src/protocol/push/message_encryption.ts";

/** Keys of RFC 8291, appendix A. */
const RECEIVER = {
  privateKey: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  public: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};
const SENDER = {
  privateKey: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
  public: "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
};
const SALT = "DGv6ra1nlYgDCS1FRnbzlw";

/** Example of RFC 8291, section 5. */
const EXAMPLE = {
  name: "the example of RFC 8291",
  maker: "RFC 8291",
  text: "When I grow up, I want to be a watermelon",
  body: "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr" +
    "u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
};

/** Bodies that npm's `http_ece` makes of {@linkcode SENDER}, {@linkcode SALT} and these texts; a test makes them again. */
const OF_HTTP_ECE = [
  {
    name: "another implementation",
    text: "Tür offen ☀ 😀",
    pad: 0,
    body:
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_xPAdHQr38cETS82zhWgXPAp0E19rbidPDMKvNj5tXhIBZQFw",
  },
  {
    name: "another implementation, with padding",
    text: "Tür offen ☀ 😀",
    pad: 100,
    body:
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_xPAdHQr38cETS82zhWgXPAp0E19s1aqnlkxh84dqQK5S_PlhDYA66NmGSrn-v4Dt5b4V4gWXT6ssVlav4GkmM2AfZv6YiM8i8D8pDNlwonoxVph960tp3m7J8HmkaN7UBxC6hYhpHkB1rQatb8WiRCUhEqP1_K7B6PDaQ_sAFx9N2IDsgqzTt",
  },
  {
    name: "another implementation, an empty text",
    text: "",
    pad: 0,
    body:
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A-nWA9JFLVeQ32ERULH8YEUcA",
  },
].map((vector) => ({ ...vector, maker: "http_ece" }));

const NOTIFICATION = JSON.stringify({
  id: "0123456789abcdef",
  title: "Doorbell",
  body: "The bell rings ☀",
  rule: "doorbell",
  subject: "home/doorbell",
  actions: [{ name: "open-gate", label: "Open the gate" }],
  urgency: "high",
  tag: "doorbell:home/doorbell",
  kid: "842007e540e342ee",
  timestamp: 1700000000,
});

/** Parts of a body that differ from those of a good one. */
interface RecordParts {
  readonly recordSize?: number;
  readonly keyId?: Bytes;
  readonly idLength?: number;
  readonly auth?: Bytes;
}

const utf8 = new TextEncoder();
const salt = fromBase64Url(SALT);
const point = fromBase64Url(SENDER.public);
const good = utf8.encode("Good\x02");

/** Encrypts a record whose text already has its delimiter and padding, with WebCrypto alone. */
async function record(padded: Bytes, parts: RecordParts = {}): Promise<Bytes> {
  const { recordSize = 4096, keyId = point, idLength = keyId.length, auth = fromBase64Url(RECEIVER.auth) } = parts;
  const header = new Uint8Array(21);
  header.set(salt);
  const view = new DataView(header.buffer);
  view.setUint32(16, recordSize);
  view.setUint8(20, idLength);
  const { privateKey } = await importSender();
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const receiver = await crypto.subtle.importKey("raw", fromBase64Url(RECEIVER.public), algorithm, false, []);
  const shared = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "ECDH", public: receiver }, privateKey, 256),
  );
  const points = concat(fromBase64Url(RECEIVER.public), keyId);
  const ikm = await hkdf(shared, { salt: auth, info: concat(utf8.encode("WebPush: info\0"), points), length: 32 });
  const key = await hkdf(ikm, { salt, info: utf8.encode("Content-Encoding: aes128gcm\0"), length: 16 });
  const iv = await hkdf(ikm, { salt, info: utf8.encode("Content-Encoding: nonce\0"), length: 12 });
  const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, aes, padded));
  return concat(concat(header, keyId), sealed);
}

async function hkdf(
  secret: Bytes,
  { salt, info, length }: { readonly salt: Bytes; readonly info: Bytes; readonly length: number },
): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 8 * length));
}

async function importSender(): Promise<AgreementKey> {
  const [x, y] = [toBase64Url(point.slice(1, 33)), toBase64Url(point.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", d: SENDER.privateKey, x, y };
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["deriveBits"]);
  return { privateKey, publicPoint: SENDER.public };
}

/** Returns a message as the gateway encrypts it. */
async function message(name: string, text: string, hidesLength = true) {
  const keys = { p256dh: RECEIVER.public, auth: RECEIVER.auth };
  const options = { randomBytes: () => salt, sender: await importSender(), hidesLength };
  return { name, maker: "gateway", text, body: toBase64Url(await encryptPush(text, keys, options)) };
}

/** Returns a body of unusual form that a receiver accepts. */
async function accepted(name: string, text: string, body: Promise<Bytes>) {
  return { name, maker: "WebCrypto", text, body: toBase64Url(await body) };
}

/** Returns a body that a receiver refuses. */
async function refused(name: string, reason: string, body: Bytes | Promise<Bytes>) {
  return { name, reason, body: toBase64Url(await body) };
}

/** The same bytes with the lowest bit of one flipped. */
function flip(bytes: Bytes, at: number): Bytes {
  return bytes.map((byte, index) => index === at ? byte ^ 1 : byte);
}

/** Makes the vectors. */
export async function makePushVectors() {
  const body = await record(good);
  const size = good.length + 16;
  const compressed = Uint8Array.of(2 + ((point[64] ?? 0) & 1), ...point.subarray(1, 33));
  return {
    about: "Push messages (RFC 8291). Bodies are in base64url, keys are of RFC 8291, appendix A.",
    receiver: RECEIVER,
    sender: SENDER,
    salt: SALT,
    messages: [
      EXAMPLE,
      ...OF_HTTP_ECE,
      await message("a notification", NOTIFICATION),
      await message("a notification without padding", NOTIFICATION, false),
      await message("an empty text", ""),
      await message("a text with a byte order mark and zeros", "\ufeffa\0\0"),
      await message("the longest text", "é".repeat(Math.floor(MAX_PUSH_BYTES / 2))),
      await accepted("a record as long as its size", "Good", record(good, { recordSize: size })),
      await accepted("the largest record size", "Good", record(good, { recordSize: 0xffffffff })),
      await accepted("the smallest record size", "a", record(utf8.encode("a\x02"), { recordSize: 18 })),
    ],
    refused: [
      await refused("nothing", "header", new Uint8Array()),
      await refused("20 bytes", "header", body.slice(0, 20)),
      await refused("a header without a key", "header", body.slice(0, 21)),
      await refused("a header alone", "record", body.slice(0, 86)),
      await refused("a record that is shorter than its tag", "record", body.slice(0, 86 + 15)),
      await refused("the last byte cut off", "tag", body.slice(0, -1)),
      await refused("a byte more", "tag", concat(body, Uint8Array.of(0))),
      await refused("last bit of the tag flipped", "tag", flip(body, body.length - 1)),
      await refused("first bit of the text flipped", "tag", flip(body, 86)),
      await refused("a bit of the salt flipped", "tag", flip(body, 0)),
      await refused("for another secret", "tag", record(good, { auth: new Uint8Array(16) })),
      await refused("the key of the receiver as that of the sender", "tag", replaceKey(body, RECEIVER.public)),
      await refused("a record size of 0", "record size", record(good, { recordSize: 0 })),
      await refused("a record size below the smallest", "record size", record(utf8.encode("\x02"), { recordSize: 17 })),
      await refused("a record longer than its size", "record size", record(good, { recordSize: size - 1 })),
      await refused("two records", "record size", concat(await record(good, { recordSize: size }), body.slice(86))),
      await refused("no key", "key", record(good, { keyId: new Uint8Array() })),
      await refused("a key of 64 bytes", "key", record(good, { keyId: point.slice(0, 64) })),
      await refused("a key of 66 bytes", "key", record(good, { keyId: concat(point, Uint8Array.of(0)) })),
      await refused("a length of the key that is not its own", "key", record(good, { idLength: 66 })),
      await refused("a key that is longer than the body", "key", record(good, { idLength: 255 })),
      await refused("a compressed key", "key", record(good, { keyId: compressed })),
      await refused("a key in hybrid form", "key", record(good, { keyId: Uint8Array.of(6, ...point.subarray(1)) })),
      await refused("a key that is not on the curve", "key", record(good, { keyId: flip(point, 64) })),
      await refused("a key of zeros", "key", record(good, { keyId: Uint8Array.of(4, ...new Uint8Array(64)) })),
      await refused("no delimiter", "padding", record(utf8.encode("Good"))),
      await refused("the delimiter of a record before the last", "padding", record(utf8.encode("Good\x01"))),
      await refused("padding that is not zero", "padding", record(utf8.encode("Good\x02\0\x01"))),
      await refused("zeros alone", "padding", record(new Uint8Array(8))),
      await refused("no bytes at all", "padding", record(new Uint8Array())),
      await refused("not UTF-8", "utf-8", record(Uint8Array.of(0xff, 0xfe, 2))),
      await refused("half of a character", "utf-8", record(Uint8Array.of(0x61, 0xe2, 0x98, 2))),
      await refused("base64 in place of bytes", "header", utf8.encode(toBase64(body))),
    ],
  };
}

/** Returns a body with another key in its header. */
function replaceKey(body: Bytes, key: string): Bytes {
  return concat(concat(body.slice(0, 21), fromBase64Url(key)), body.slice(86));
}
