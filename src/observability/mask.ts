/**
 * Masks secrets in log lines: the gateway logs none, but a library may.
 *
 * @module
 */
import { visibleLine } from "../lib/visible.ts";

/** Replacement of a secret. */
export const MASKED = "***";

/**
 * Length of the shortest secret that is masked by its value, in characters. A shorter one is part of many words: masking
 * it would spoil each line, and reveal it.
 */
export const LEAST_SECRET_LENGTH = 8;

/** Levels of JSON within JSON in which secrets are recognized. */
const MOST_ESCAPES = 3;

/** Names of fields with secret values, such as `params.apikey` and `SOME_PASSWORD`. */
export const SECRET_FIELD: RegExp =
  /(pass(word|wd|phrase|code)|pwd|api_?key|secret|token|authorization|cookie|credentials?|payload)$/i;

/** 32 bytes in hexadecimal digits. */
const HEX_KEY = /\b[0-9a-fA-F]{64}\b/g;
/** 32 bytes in base64, of which some 17 characters are capitals; a topic of the same length has few. */
const BASE64_KEY = /(?<![\w+/-])(?=(?:[a-z\d_+/-]*[A-Z]){5})[\w+/-]{43}=?(?![\w+/=-])/g;
/** Login in a URL. */
const URL_LOGIN = /(?<=:\/\/)[^\s/@"']+(?=@)/g;
/** Login in an HTTP header. */
const HEADER_LOGIN = /(?<=\b(?:Basic|Bearer) )[\w+/=.~-]{8,}/gi;
const PATTERNS: readonly RegExp[] = [HEX_KEY, BASE64_KEY, URL_LOGIN, HEADER_LOGIN];

/** Creates a function that masks secrets in a line, in every common encoding, and all text in the form of a secret. */
export function createMask(secrets: readonly string[]): (line: string) => string {
  // Longest first: one secret may begin with another one.
  const encodings = [...new Set(secrets.filter(({ length }) => length >= LEAST_SECRET_LENGTH).flatMap(encodingsOf))]
    .toSorted((one, other) => other.length - one.length);
  const known = encodings.length === 0 ? undefined : new RegExp(encodings.map(RegExp.escape).join("|"), "g");
  return (line) => {
    const withoutKnown = known === undefined ? line : line.replace(known, MASKED);
    return PATTERNS.reduce((text, pattern) => text.replace(pattern, MASKED), withoutKnown);
  };
}

/** Lists the forms of a secret: plain, in JSON, in a URL, in base64, inspected for debugging, and on one line. */
function encodingsOf(secret: string): string[] {
  const escaped = [secret];
  for (let count = 0; count < MOST_ESCAPES; count++) escaped.push(JSON.stringify(escaped.at(-1)).slice(1, -1));
  const inspected = secret.replaceAll("\\", "\\\\");
  return [
    ...escaped,
    inspected,
    visibleLine(secret),
    encodeURIComponent(secret),
    new TextEncoder().encode(secret).toBase64(),
  ];
}
