import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { toBase64Url, toHex } from "../../src/protocol/bytes.ts";
import {
  formatPairingAppLink,
  formatPairingLink,
  parsePairingCode,
  parsePairingLink,
} from "../../src/protocol/pairing_link.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

const { pairing, refused } = vectors.v2;
const CODE = "3q2-7-AAECAwQFBgcICQoA";

Deno.test("parsePairingCode() parses every code, and one spelling of it", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
    const code = toBase64Url(new Uint8Array(bytes));
    assertEquals([code.length, parsePairingCode(code)], [22, new Uint8Array(bytes)]);
    const last = code.replace(/.$/, (character) => String.fromCharCode(character.charCodeAt(0) + 1));
    assertEquals(parsePairingCode(last), undefined);
  }));
  for (const text of ["", CODE.slice(1), `${CODE}A`, `${CODE}==`, ` ${CODE}`, `${CODE}\n`, CODE.replace("-", "+")]) {
    assertEquals(parsePairingCode(text), undefined, text);
  }
});

Deno.test("parsePairingLink() parses both frozen links", () => {
  assertEquals(pairing.links.length, 2);
  for (const { link, url, code } of pairing.links) {
    assertEquals(parsePairingLink(link), { url, code });
    assertEquals(toHex(parsePairingCode(code) ?? new Uint8Array()), pairing.code);
  }
});

Deno.test("parsePairingLink() refuses every frozen link that is wrong, and never quotes the code", () => {
  assert(refused.links.length > 20);
  for (const { name, link } of refused.links) {
    const { message } = assertThrows(() => parsePairingLink(link), TypeError, undefined, name);
    for (const secret of ["AAECAwQF", "secret", vectors.key]) assert(!message.includes(secret), `${name}: ${message}`);
  }
});

Deno.test("parsePairingLink() parses the output of both formats, for every address and code", () => {
  const path = fc.array(fc.string()).map((parts) => parts.map(encodeURIComponent).join("/"));
  const url = fc.tuple(fc.constantFrom("http", "https"), fc.domain(), path)
    .map(([scheme, host, path]) => URL.parse(`${scheme}://${host}/${path}`)?.href.replace(/\/+$/, ""))
    .filter((text) => text !== undefined);
  const code = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => toBase64Url(new Uint8Array(bytes)));
  fc.assert(fc.property(url, code, (url, code) => {
    assertEquals(parsePairingLink(formatPairingLink({ url, code })), { url, code });
    assertEquals(parsePairingLink(formatPairingAppLink({ url, code })), { url, code });
  }));
});

Deno.test("parsePairingLink() throws nothing but a TypeError, for every text", () => {
  const piece = fc.constantFrom(
    "https://",
    "home.example",
    "/",
    "#pair=",
    CODE,
    "e2eg://pair?url=",
    "#code=",
    "%",
    "&",
  );
  const text = fc.array(fc.oneof(piece, fc.string({ unit: "binary" })), { maxLength: 6 }).map((parts) =>
    parts.join("")
  );
  fc.assert(fc.property(text, (text) => {
    try {
      parsePairingLink(text);
    } catch (error) {
      assert(error instanceof TypeError && !error.message.includes(CODE), String(error));
    }
  }));
});

Deno.test("formatPairingLink() and formatPairingAppLink() refuse a wrong code or address, and never quote it", () => {
  for (const format of [formatPairingLink, formatPairingAppLink]) {
    for (const code of ["", CODE.slice(1), `${CODE}#`]) {
      const { message } = assertThrows(() => format({ url: "https://home.example", code }), TypeError, "22 characters");
      assert(!message.includes(CODE.slice(1, 9)));
    }
    assertThrows(() => format({ url: `https://home.example/?${CODE}`, code: CODE }), TypeError, "query or fragment");
  }
});
