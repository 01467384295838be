import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { toHex } from "../../src/protocol/bytes.ts";
import { formatPairingUri, parsePairingUri } from "../../src/protocol/pairing.ts";

const KEY = "3616864d6ed4f70b8a774e17c7435b411d8bc5714fddaf88e3850104a9d88ccd";
const PAIRING = { url: "https://home.example:8443/gate way", name: "phone", key: KEY };

/** No part of the key may be in an error. */
function assertRefused(action: () => unknown, message: string): void {
  const error = assertThrows(action, TypeError, message);
  for (let at = 0; at + 8 <= KEY.length; at++) {
    assert(
      !error.message.toLowerCase().includes(KEY.slice(at, at + 8)),
      `The message quotes the key: ${error.message}`,
    );
  }
}

Deno.test("formatPairingUri() has the key in the fragment only, and the rest percent-encoded", () => {
  assertEquals(
    formatPairingUri(PAIRING),
    `e2eg://pair?url=https%3A%2F%2Fhome.example%3A8443%2Fgate%2520way&name=phone#key=${KEY}`,
  );
  assertEquals(
    formatPairingUri({ url: "http://127.0.0.1:10000", name: "a+b & c=#?", key: KEY }),
    `e2eg://pair?url=http%3A%2F%2F127.0.0.1%3A10000&name=a%2Bb%20%26%20c%3D%23%3F#key=${KEY}`,
  );
});

Deno.test("formatPairingUri() normalizes an address", () => {
  const written = (url: string) => parsePairingUri(formatPairingUri({ ...PAIRING, url })).url;
  assertEquals(written("HTTPS://Home.Example:443/"), "https://home.example");
  assertEquals(written("https://home.example/e2e/"), "https://home.example/e2e");
  assertEquals(written("http://[::1]:10000"), "http://[::1]:10000");
});

Deno.test("parsePairingUri() parses the output of formatPairingUri(), for every name, path and key", () => {
  const character = fc.integer({ min: 0x20, max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code));
  const name = fc.string({ unit: character, minLength: 1, maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text));
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);
  const path = fc.array(fc.string({ unit: character })).map((parts) => parts.map(encodeURIComponent).join("/"));
  const url = fc.tuple(fc.constantFrom("http", "https"), fc.domain(), path)
    .map(([scheme, host, path]) => URL.parse(`${scheme}://${host}/${path}`)?.href.replace(/\/+$/, ""))
    .filter((text) => text !== undefined);
  fc.assert(fc.property(url, name, key, (url, name, key) => {
    assertEquals(parsePairingUri(formatPairingUri({ url, name, key })), { url, name, key });
  }));
});

Deno.test("parsePairingUri() accepts url and name in either order, and a key in upper case", () => {
  const text = `e2eg://pair?name=phone&url=http%3A%2F%2Fgate#key=${KEY.toUpperCase()}`;
  assertEquals(parsePairingUri(text), { url: "http://gate", name: "phone", key: KEY });
});

Deno.test("parsePairingUri() refuses every other shape, and never quotes the key", () => {
  const shapes = [
    "",
    KEY,
    ` ${formatPairingUri(PAIRING)}`,
    `e2eg:pair?url=http%3A%2F%2Fgate&name=phone#key=${KEY}`,
    `https://pair?url=http%3A%2F%2Fgate&name=phone#key=${KEY}`,
    `e2eg://other?url=http%3A%2F%2Fgate&name=phone#key=${KEY}`,
    `e2eg://pair/?url=http%3A%2F%2Fgate&name=phone#key=${KEY}`,
    `e2eg://pair?url=http%3A%2F%2Fgate&name=phone#${KEY}`,
    `e2eg://pair?url=http%3A%2F%2Fgate&name=phone&key=${KEY}`,
  ];
  for (const text of shapes) assertRefused(() => parsePairingUri(text), "must look like");
  const queries = [
    "",
    "name=phone",
    "url=http%3A%2F%2Fgate&url=http%3A%2F%2Fgate",
    `url=http%3A%2F%2Fgate&name=phone&key=${KEY}`,
    `url=http%3A%2F%2Fgate&name=phone&${KEY}=1`,
    "url=http%3A%2F%2Fgate&name=phone&",
  ];
  for (const query of queries) {
    const text = `e2eg://pair?${query}#key=${KEY}`;
    assertRefused(() => parsePairingUri(text), query === "name=phone" ? "Gateway's URL" : "once each");
  }
  assertRefused(() => parsePairingUri(`e2eg://pair?url=%ff&name=${KEY}#key=${KEY}`), "percent-encoded UTF-8");
  for (const key of ["", KEY.slice(1), `${KEY}0`, `${KEY}\n`, KEY.replace("3", "g")]) {
    assertRefused(() => parsePairingUri(`e2eg://pair?url=http%3A%2F%2Fgate&name=phone#key=${key}`), "64 hexadecimal");
    assertRefused(() => formatPairingUri({ ...PAIRING, key }), "64 hexadecimal");
  }
});

Deno.test("formatPairingUri() and parsePairingUri() refuse an address that is not a gateway's", () => {
  const wrong = {
    "": "must be an address",
    "home.example": "must be an address",
    "ftp://home.example": "must be an address",
    "javascript:alert(1)": "must be an address",
    [`https://${KEY}@home.example`]: "user name or password",
    [`https://user:${KEY}@home.example`]: "user name or password",
    [`https://home.example/?key=${KEY}`]: "query or fragment",
    "https://home.example/?": "query or fragment",
    [`https://home.example/#${KEY}`]: "query or fragment",
    "https://home.example/#": "query or fragment",
  };
  for (const [url, message] of Object.entries(wrong)) {
    assertRefused(() => formatPairingUri({ ...PAIRING, url }), message);
    const text = `e2eg://pair?url=${encodeURIComponent(url)}&name=phone#key=${KEY}`;
    assertRefused(() => parsePairingUri(text), message);
  }
});

Deno.test("formatPairingUri() refuses a name that is empty, too long or not printable", () => {
  for (const name of ["", "x".repeat(65), "\ud800", "a\nb", "\u001b[2J"]) {
    assertRefused(() => formatPairingUri({ ...PAIRING, name }), "Key's name must");
  }
});
