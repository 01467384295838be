/**
 * The example bytes and the code in docs/protocol.md, computed from the test vectors with another implementation than
 * that of the gateway.
 */
import { assert, assertEquals } from "@std/assert";
import { createCipheriv, createECDH, createHmac } from "node:crypto";
import { joinBytes } from "../../src/lib/read_bytes.ts";
import { fromBase64Url, fromHex, toBase64, toBase64Url, toHex } from "../../src/protocol/bytes.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

const page = await Deno.readTextFile(new URL("../../docs/protocol.md", import.meta.url));
const { key, kid, v1, v2 } = vectors;

/** Returns a line of an example; continuation lines are indented. */
const row = (label: string, ...values: readonly string[]) => `${label.padEnd(13)}${values.join(`\n${" ".repeat(13)}`)}`;

/** Returns bytes in hexadecimal, 32 per line. */
const hexRow = (label: string, bytes: Uint8Array) => row(label, ...toHex(bytes).match(/.{1,64}/g) ?? []);

const hmac = (secret: Uint8Array, data: Uint8Array) => createHmac("sha256", secret).update(data).digest();

const utf8 = new TextEncoder();

/** Returns the rows and the output of AES-256-GCM. */
function sealed(plaintext: string, { secret, nonce, aad = "" }: {
  readonly secret: string;
  readonly nonce: string;
  readonly aad?: string;
}) {
  const cipher = createCipheriv("aes-256-gcm", fromHex(secret), fromHex(nonce));
  cipher.setAAD(utf8.encode(aad));
  const ciphertext = fromHex(cipher.update(plaintext, "utf8", "hex") + cipher.final("hex"));
  const tag = fromHex(cipher.getAuthTag().toString("hex"));
  const rows = [
    row("nonce", nonce),
    ...aad === "" ? [] : [row("AAD", JSON.stringify(aad)), hexRow("AAD bytes", utf8.encode(aad))],
    row("plaintext", plaintext),
    hexRow("ciphertext", ciphertext),
    row("tag", toHex(tag)),
  ];
  return { rows, bytes: joinBytes([ciphertext, tag]) };
}

/** Returns the rows and the output of HKDF-SHA-256 by the two steps of RFC 5869. */
function derived(info: string, salts: {
  readonly ikm?: string;
  readonly requestSalt?: string;
  readonly salt: string;
}) {
  const salt = fromHex((salts.requestSalt ?? "") + salts.salt);
  const prk = hmac(salt, fromHex(salts.ikm ?? key));
  const secret = toHex(Uint8Array.from(hmac(prk, utf8.encode(`${info}\u0001`))));
  const rows = [
    ...salts.requestSalt === undefined ? [] : [row("request salt", salts.requestSalt)],
    row("salt", salts.salt),
    ...salts.requestSalt === undefined ? [] : [row("HKDF salt", toHex(salt))],
    row("PRK", toHex(Uint8Array.from(prk))),
    row("message key", secret),
  ];
  return { rows, secret };
}

const ZERO_NONCE = "00".repeat(12);

function workedV1({ nonce, plaintext, envelope }: typeof v1.requests[number]): string {
  const { rows, bytes } = sealed(plaintext, { secret: key, nonce });
  assertEquals(envelope, toBase64(joinBytes([fromHex(nonce), bytes])));
  return [...rows, row("envelope", envelope)].join("\n");
}

function workedV2(direction: "request" | "response", vector: {
  readonly requestSalt?: string;
  readonly salt: string;
  readonly route: string;
  readonly messageKey: string;
  readonly additionalData: string;
  readonly plaintext: string;
  readonly text: string;
}, { ikm, kid }: { readonly ikm: string; readonly kid: string } = { ikm: key, kid: vectors.kid }): string {
  const { rows, secret } = derived(`e2eg/2 ${direction}`, { ...vector, ikm });
  assertEquals(secret, vector.messageKey);
  const aad = `e2eg/2 ${direction}\n${kid}\n${vector.route}`;
  assertEquals(aad, vector.additionalData);
  const { rows: more, bytes } = sealed(vector.plaintext, { secret, nonce: ZERO_NONCE, aad });
  const head = direction === "request" ? `2.${kid}.` : "2.";
  assertEquals(vector.text, head + toBase64Url(joinBytes([fromHex(vector.salt), bytes])));
  return [...rows, ...more, row("text", vector.text)].join("\n");
}

/** Returns the key of the stream, its records, and each event. */
function workedStream(stream: typeof v2.streams[number]): string[] {
  const { rows, secret } = derived("e2eg/2 stream", stream);
  assertEquals(secret, stream.messageKey);
  assertEquals(stream.opening, `2.${toBase64Url(fromHex(stream.salt))}`);
  const records = [`event: open\ndata: ${stream.opening}\n`];
  const events = stream.events.map(({ id, plaintext, data }) => {
    const nonce = `00000000${Number(id).toString(16).padStart(16, "0")}`;
    const { rows, bytes } = sealed(plaintext, { secret, nonce, aad: `e2eg/2 stream\n${kid}\n${id}` });
    assertEquals(data, toBase64Url(bytes));
    records.push(`id: ${id}\ndata: ${data}\n`);
    return [row("n", id), ...rows].join("\n");
  });
  return [[...rows, row("opening", stream.opening)].join("\n"), ...events, records.join("\n").trimEnd()];
}

function workedKid(): string {
  const prk = Uint8Array.from(hmac(new Uint8Array(32), fromHex(key)));
  const output = Uint8Array.from(hmac(prk, utf8.encode("e2eg/2 kid\u0001")));
  assertEquals(toHex(output.subarray(0, 8)), kid);
  return [row("key", key), row("PRK", toHex(prk)), row("HMAC", toHex(output)), row("kid", kid)].join("\n");
}

/** Returns the keys of the pairing exchange, its request and its answer. */
function workedPairing(): string[] {
  const { code, pairingKey, kid, device, gateway, request, answer, deviceKey, deviceKid } = v2.pairing;
  const kidOf = (ikm: string) => derived("e2eg/2 kid", { ikm, salt: "" }).secret.slice(0, 16);
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(fromBase64Url(device.privateKey));
  assertEquals(toBase64Url(Uint8Array.from(ecdh.getPublicKey())), device.public);
  const shared = toHex(Uint8Array.from(ecdh.computeSecret(fromBase64Url(gateway.public))));
  ecdh.setPrivateKey(fromBase64Url(gateway.privateKey));
  assertEquals(toBase64Url(Uint8Array.from(ecdh.getPublicKey())), gateway.public);
  const side = ({ privateKey, public: point }: typeof device, name: string) => [
    row(name, toHex(fromBase64Url(privateKey))),
    row("point", point),
  ];
  assertEquals(derived("e2eg/2 pair", { ikm: code, salt: "" }).secret, pairingKey);
  assertEquals(derived("e2eg/2 device key", { ikm: shared + pairingKey, salt: request.salt }).secret, deviceKey);
  assertEquals([kidOf(pairingKey), kidOf(deviceKey)], [kid, deviceKid]);
  const keys = [
    row("code", code),
    row("in a link", toBase64Url(fromHex(code))),
    row("pairing key", pairingKey),
    row("kid", kid),
    ...side(device, "device"),
    ...side(gateway, "gateway"),
    row("shared", shared),
    row("request salt", request.salt),
    row("device key", deviceKey),
    row("kid", deviceKid),
  ];
  const sealing = { ikm: pairingKey, kid };
  return [keys.join("\n"), workedV2("request", request, sealing), workedV2("response", answer, sealing)];
}

/** Returns the vector of a kind that the page shows. */
function first<T>([vector]: readonly T[]): T {
  if (vector === undefined) throw new Error("No vector of this kind");
  return vector;
}

/** Returns the text of a section of the second level. */
function section(heading: string): string {
  const [, text] = page.split(`\n## ${heading}\n`);
  if (text === undefined) throw new Error(`No section "${heading}" in docs/protocol.md`);
  return text.split("\n## ")[0] ?? "";
}

/** Returns the fenced blocks of a language; without a language if it is empty. */
function fenced(text: string, language = ""): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)\n```$/gms)].filter(([, name]) => name === language)
    .map(([, , block = ""]) => block);
}

Deno.test("every block of example bytes in docs/protocol.md matches the vectors", () => {
  assertEquals(fenced(section("Worked bytes")), [
    workedKid(),
    ...[v1.requests, v1.answers, v1.events].map((list) => workedV1(first(list))),
    workedV2("request", first(v2.requests)),
    workedV2("response", first(v2.answers)),
    ...v2.streams.flatMap(workedStream),
    ...workedPairing(),
  ]);
});

Deno.test("docs/protocol.md names every vector that must be refused", () => {
  const text = section("Worked bytes");
  const { requests, answers, streams, batches, points, links } = v2.refused;
  for (const { name } of [...v1.refused, ...requests, ...answers, ...streams, ...batches, ...points, ...links]) {
    assert(text.includes(name), name);
  }
});

Deno.test("the code in docs/protocol.md opens the example requests", async () => {
  const printed = [];
  for (const block of fenced(page, "sh")) {
    const [, code = ""] = /^deno eval '\n(.*)\n'$/s.exec(block) ?? [];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
    printed.push(new TextDecoder().decode(stdout).trimEnd() || new TextDecoder().decode(stderr));
  }
  assertEquals(printed, [first(v1.requests).plaintext, first(v2.requests).plaintext]);
});

Deno.test("docs/protocol.md lists every error code of the client", async () => {
  const source = await Deno.readTextFile(new URL("../../src/client/gateway_error.ts", import.meta.url));
  const codes = [...source.matchAll(/readonly code = "(\w+)"/g)].map(([, code]) => code);
  assert(codes.length > 0, "No code in gateway_error.ts");
  assertEquals([...section("Rules for clients").matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code), codes);
});

Deno.test("docs/protocol.md lists every code of the gateway, once", async () => {
  const source = await Deno.readTextFile(new URL("../../src/protocol/error_code.ts", import.meta.url));
  const codes = [...source.matchAll(/\| "(\w+)"/g)].map(([, code]) => code);
  assert(codes.length > 0, "No code in error_code.ts");
  const [, table = ""] = section("Answers and errors").split("\n### Codes\n");
  const listed = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
  assertEquals(listed.toSorted(), codes.toSorted());
});

Deno.test("every link within docs/protocol.md has a heading as its target", () => {
  const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  assert(links.length > 0, "No link within docs/protocol.md");
  assertEquals(links.filter((anchor) => anchor === undefined || !anchors.includes(anchor)), []);
});
