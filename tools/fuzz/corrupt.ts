/** Corruption of sealed requests. */
import type { SeededRandom } from "./seeded_random.ts";

/** Returns a corrupted text, which must be refused, and the kind of corruption. */
export function corruptText(
  random: SeededRandom,
  text: string,
  other: string,
): { readonly how: string; readonly text: string } {
  const [how, make] = random.pick<readonly [string, () => string]>([
    ["bit flipped", () => flip(random, text)],
    [
      "bits flipped",
      () => Array.from({ length: 2 + random.below(30) }).reduce<string>((changed) => flip(random, changed), text),
    ],
    ["truncated", () => text.slice(0, random.below(text.length))],
    ["prefix removed", () => text.slice(1 + random.below(text.length - 1))],
    ["extended", () => text + other.slice(0, 1 + random.below(40))],
    ["spliced", () => splice(random, text, other)],
    ["doubled", () => text + text],
    ["middle removed", () => {
      const at = 1 + random.below(text.length - 2);
      return text.slice(0, at) + text.slice(at + 1 + random.below(20));
    }],
    ["kid changed", () => text.startsWith("2.") ? text.replace(/[0-9a-f]{16}/, () => hex(random)) : hex(random) + text],
    [
      "version changed",
      () => text.startsWith("2.") ? text.replace("2.", random.pick(["1.", "3.", "02.", "2", ""])) : `2.${text}`,
    ],
    ["padded", () => text + random.pick(["=", "==", "===", "."])],
    ["other alphabet", () => otherAlphabet(text)],
    ["upper case", () => text.toUpperCase()],
    ["not ASCII", () => text.slice(0, 20) + random.pick(["\u00e9", "\u0000", "\u2028", "\ufeff"]) + text.slice(21)],
  ]);
  const changed = make();
  return { how, text: isSame(changed, text) || isSame(changed, other) ? "" : changed };
}

/** Compares without white space, which version 1 ignores. */
function isSame(one: string, other: string): boolean {
  const plain = (text: string) => text.replace(/[\t\n\f\r ]/g, "");
  return plain(one) === plain(other);
}

function flip(random: SeededRandom, text: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) ^ (1 << random.below(8))) & 0xff) +
    text.slice(at + 1);
}

function splice(random: SeededRandom, text: string, other: string): string {
  const at = 1 + random.below(Math.min(text.length, other.length) - 1);
  return text.slice(0, at) + other.slice(at);
}

function otherAlphabet(text: string): string {
  const changed = text.replace(/[+/_-]/g, (one) => ({ "+": "-", "/": "_", "-": "+", _: "/" })[one] ?? one);
  // Without one of these characters, both alphabets encode the text alike.
  return changed === text ? `*${text}` : changed;
}

function hex(random: SeededRandom): string {
  return random.bytes(8).toHex();
}
