import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Bytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  randomBytes,
  toBase64,
  toBase64Url,
  toHex,
} from "../../src/protocol/bytes.ts";
import { anyText } from "../support/damage.ts";

// The module has two implementations, of which a platform uses one. Both are compared with the definition below:
// this file runs on platforms with and without base64.

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const STANDARD = `${ALPHANUMERIC}+/`;
const URL_SAFE = `${ALPHANUMERIC}-_`;

/** Six bits a character, zeros at the end, no padding. */
function written(bytes: Bytes, alphabet: string): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,6}/g) ?? []).map((six) => alphabet[parseInt(six.padEnd(6, "0"), 2)]).join("");
}

/** Returns the only bytes with this encoding, if there are any. */
function read(text: string, alphabet: string): number[] | undefined {
  const values = Array.from(text, (character) => alphabet.indexOf(character));
  if (values.includes(-1) || values.length % 4 === 1) return undefined;
  const bits = values.map((value) => value.toString(2).padStart(6, "0")).join("");
  const rest = bits.length % 8;
  if (/1/.test(bits.slice(bits.length - rest))) return undefined;
  return (bits.match(/.{8}/g) ?? []).map((eight) => parseInt(eight, 2));
}

function readPadded(text: string): number[] | undefined {
  const dense = text.replace(/[\t\n\f\r ]/g, "");
  const bare = dense.replace(/={0,2}$/, "");
  return dense.length % 4 === 0 && dense.length - bare.length === (-bare.length & 3) ? read(bare, STANDARD) : undefined;
}

function outcome(decode: (text: string) => Bytes, text: string): number[] | undefined {
  try {
    return [...decode(text)];
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((drawn) => Uint8Array.from(drawn));

Deno.test("toBase64() and toBase64Url() encode as RFC 4648 defines it", () => {
  const padded = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
  padded.forEach((text, length) => {
    const input = new TextEncoder().encode("foobar".slice(0, length));
    assertEquals(toBase64(input), text);
    assertEquals(toBase64Url(input), text.replaceAll("=", ""));
  });
  fc.assert(fc.property(bytes, (drawn) => {
    assertEquals(toBase64(drawn).replace(/=+$/, ""), written(drawn, STANDARD));
    assertEquals(toBase64(drawn).length % 4, 0);
    assertEquals(toBase64Url(drawn), written(drawn, URL_SAFE));
  }));
});

Deno.test("fromBase64() and fromBase64Url() decode every encoded text, of any length", () => {
  fc.assert(fc.property(bytes, (drawn) => {
    assertEquals(fromBase64(toBase64(drawn)), drawn);
    assertEquals(fromBase64Url(toBase64Url(drawn)), drawn);
  }));
  // Around the size of the pieces that older platforms write in.
  for (const length of [8191, 8192, 8193, 3 * 8192 + 1]) {
    const large = Uint8Array.from({ length }, (_, index) => (index * 31) >> 3);
    assertEquals(fromBase64(toBase64(large)), large);
    assertEquals(fromBase64Url(toBase64Url(large)), large);
  }
});

Deno.test("fromBase64() and fromBase64Url() agree with the definition on every short text of difficult characters", () => {
  let texts = [""];
  for (let length = 0; length <= 4; length++) {
    for (const text of texts) {
      assertEquals(outcome(fromBase64, text), readPadded(text), JSON.stringify(text));
      assertEquals(outcome(fromBase64Url, text), read(text, URL_SAFE), JSON.stringify(text));
    }
    texts = texts.flatMap((text) => [..."AQgw+/-_= \n"].map((character) => text + character));
  }
});

Deno.test("fromBase64() and fromBase64Url() agree with the definition on any text", () => {
  const alike = fc.string({ unit: fc.constantFrom(...`${STANDARD}-_==== \t\n\f\r`), maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(alike, anyText), (text) => {
      assertEquals(outcome(fromBase64, text), readPadded(text));
      assertEquals(outcome(fromBase64Url, text), read(text, URL_SAFE));
    }),
    { numRuns: 500 },
  );
});

Deno.test("fromBase64() and fromBase64Url() refuse encodings that other decoders accept", () => {
  const refused = {
    "vertical tab": "Zm9v\v",
    "no-break space": "Zm9v\u00a0",
    "byte order mark": "\ufeffZm9v",
    "NUL": "Zm9v\0",
    "line separator": "Zm9v\u2028",
    "full-width letter": "Zm9\uff56",
    "padding alone": "====",
    "padding in the middle": "Zg==Zm9v",
    "too much padding": "Zm9v====",
    "unused bits": "Zh==",
    "percent-encoded": "Zg%3D%3D",
  };
  for (const [name, text] of Object.entries(refused)) {
    assertThrows(() => fromBase64(text), SyntaxError, undefined, name);
    assertThrows(() => fromBase64Url(text), SyntaxError, undefined, name);
  }
  assertThrows(() => fromBase64("Zg"), SyntaxError, undefined, "no padding");
  for (const text of ["Zg==", "Zg=", "Zm9v\n", " Zm9v", "Zm 9v", "Zh", "Zm9vY", "+/+/"]) {
    assertThrows(() => fromBase64Url(text), SyntaxError, undefined, text);
  }
});

Deno.test("fromHex() decodes the output of toHex(), and capitals", () => {
  fc.assert(fc.property(bytes, (drawn) => {
    assertEquals(fromHex(toHex(drawn)), drawn);
    assertEquals(fromHex(toHex(drawn).toUpperCase()), drawn);
  }));
  assertEquals(toHex(Uint8Array.of(0, 1, 0xab, 0xff)), "0001abff");
});

Deno.test("fromHex() refuses everything else", () => {
  for (const text of ["0", "0g", "0x00", " 00", "00\n", "00 11", "٠٠", "-1"]) {
    assertThrows(() => fromHex(text), SyntaxError, "Not hexadecimal", text);
  }
});

Deno.test("randomBytes() returns new arrays of the given length", () => {
  assertEquals([0, 1, 12, 4096].map((length) => randomBytes(length).length), [0, 1, 12, 4096]);
  assertNotEquals(randomBytes(32), randomBytes(32));
});
