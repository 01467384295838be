/**
 * Bodies that no key opens: always the same 401.
 *
 * @module
 */
import { encrypt, NONCE_BYTES } from "../../protocol/aead.ts";
import { joinBytes } from "../../lib/read_bytes.ts";
import { type Bytes, fromBase64, fromBase64Url, toBase64, toBase64Url } from "../../protocol/bytes.ts";
import { VERSION_2 } from "../../protocol/v2/envelope.ts";
import type { Version } from "../../protocol/exchange.ts";
import { importSecretKey, KEY_ID_HEADER } from "../../protocol/secret_key.ts";
import { BOTH, type Check, type Subject } from "../check.ts";
import { expectEqual } from "../mismatch.ts";
import { HARMLESS, type Probe } from "../probe.ts";

/** Body that must not open. */
interface InvalidBody {
  readonly name: string;
  readonly versions: readonly Version[];
  readonly make: (probe: Probe) => string | Bytes | Promise<string | Bytes>;
  readonly headers?: Record<string, string>;
}

const sealed = async (probe: Probe) => (await probe.seal("/gateway", HARMLESS)).text;

const INVALID_BODIES: readonly InvalidBody[] = [
  { name: "garbage", versions: BOTH, make: ({ version }) => `${version === 2 ? VERSION_2 : ""}not an envelope!` },
  { name: "an empty body", versions: [1], make: () => "" },
  { name: "shorter than nonce and tag", versions: [1], make: (probe) => toBase64(probe.random(27)) },
  {
    name: "shorter than salt and tag",
    versions: [2],
    make: (probe) => `${VERSION_2}${probe.key.kid}.${toBase64Url(probe.random(31))}`,
  },
  {
    name: "another key",
    versions: BOTH,
    async make(probe) {
      // In version 2 with the id of the right key: another id is the next case.
      const key = { ...await importSecretKey(probe.random(32)), kid: probe.key.kid };
      return (await probe.seal("/gateway", HARMLESS, { key })).text;
    },
  },
  {
    name: "an unknown key id",
    versions: [2],
    async make(probe) {
      const key = await importSecretKey(probe.random(32));
      return (await probe.seal("/gateway", HARMLESS, { key })).text;
    },
  },
  {
    name: "an unknown key id in the header",
    versions: [1],
    make: sealed,
    headers: { [KEY_ID_HEADER]: "0000000000000000" },
  },
  {
    name: "one bit is flipped",
    versions: BOTH,
    async make(probe) {
      const text = await sealed(probe);
      const start = text.lastIndexOf(".") + 1;
      const bytes = probe.version === 1 ? fromBase64(text) : fromBase64Url(text.slice(start));
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return text.slice(0, start) + (probe.version === 1 ? toBase64(bytes) : toBase64Url(bytes));
    },
  },
  {
    name: "padding is missing",
    versions: [1],
    // A text of this length ends in "=".
    make: async (probe) => (await probe.seal("/gateway", JSON.stringify({ a: "12345" }))).text.replace(/=+$/, ""),
  },
  {
    name: "plaintext is not UTF-8",
    versions: [1],
    async make(probe) {
      const nonce = probe.random(NONCE_BYTES);
      return toBase64(joinBytes([nonce, await encrypt(probe.key.aead, new Uint8Array([0xff, 0xfe]), { nonce })]));
    },
  },
  { name: "padding", versions: [2], make: async (probe) => `${await sealed(probe)}=` },
  { name: "white space", versions: [2], make: async (probe) => `${await sealed(probe)}\n` },
  {
    name: "a key id in capitals",
    versions: [2],
    make: async (probe) => (await sealed(probe)).replace(probe.key.kid, (kid) => kid.toUpperCase()),
  },
  {
    name: "sealed for another route",
    versions: [2],
    make: async (probe) => (await probe.seal("/mqtt/publish", HARMLESS)).text,
  },
  {
    name: "an answer, sent back as a request",
    versions: [2],
    async make(probe) {
      const { reply } = await probe.ask("/gateway", HARMLESS);
      return `${VERSION_2}${probe.key.kid}.${reply.text.slice(VERSION_2.length)}`;
    },
  },
  {
    name: "an event, sent back as a request",
    versions: [2],
    async make(probe) {
      await using stream = await probe.subscribe({});
      const salt = fromBase64Url(stream.opening.slice(VERSION_2.length));
      const ciphertext = fromBase64Url(stream.first.record.data ?? "");
      return `${VERSION_2}${probe.key.kid}.${toBase64Url(joinBytes([salt, ciphertext]))}`;
    },
  },
];

/** Checks that all of them get the same bytes. */
export const REFUSALS: Subject = {
  name: "Refused with 401",
  checks: INVALID_BODIES.map(({ name, versions, make, headers }): Check => ({
    name,
    rule: '401 `{"error":"Decryption failed"}`, always the same bytes and no detail',
    versions,
    async run(probe) {
      const { status, text } = await probe.post("/gateway", await make(probe), headers);
      expectEqual("HTTP status", { seen: status, expected: 401 });
      expectEqual("body", { seen: text, expected: '{"error":"Decryption failed"}' });
    },
  })),
};
