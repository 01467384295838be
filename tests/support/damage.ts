import fc from "fast-check";
import type { Bytes } from "../../src/protocol/bytes.ts";

/** Returns a copy with one bit flipped. */
export function flipBit(bytes: Bytes, bit: number): Bytes {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

/** Yields every text that differs in one bit of one ASCII character. */
export function* withFlippedCharacters(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    for (let bit = 0; bit < 7; bit++) {
      yield text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) + text.slice(at + 1);
    }
  }
}

/** Yields every proper prefix of a text. */
export function* cuts(text: string): Generator<string> {
  for (let length = 0; length < text.length; length++) yield text.slice(0, length);
}

/** Texts of any code units, including lone surrogates. */
export const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 })
  .map((units) => String.fromCharCode(...units));

/** Texts of the characters of envelopes and similar ones. */
const alikeText = fc.string({ unit: fc.constantFrom(..."012AZaz09+/-_=. \n\t2.") });

/** Texts similar to the samples: with parts replaced, repeated, removed or inserted. */
export function hostileText(samples: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    alikeText,
    anyText,
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("", "2.", "2..", "..", "="),
  );
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const mutated = fc.tuple(fc.constantFrom(...samples), place, place, piece).map(([text, from, to, inserted]) => {
    const [start, end] = [from * text.length, to * text.length];
    return text.slice(0, start) + inserted + text.slice(end);
  });
  const huge = fc.tuple(fc.constantFrom(...samples), fc.constantFrom("A", "=", ".", " ", "é", "\ud800"))
    .map(([text, filler]) => text.slice(0, 40) + filler.repeat(300_000));
  return fc.oneof(
    { arbitrary: mutated, weight: 20 },
    { arbitrary: alikeText, weight: 5 },
    { arbitrary: anyText, weight: 5 },
    { arbitrary: fc.string({ unit: "grapheme" }), weight: 5 },
    { arbitrary: huge, weight: 1 },
  );
}
