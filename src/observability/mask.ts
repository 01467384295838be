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

/** Length of the shortest text in the form of a key, in characters. */
const MIN_KEY_LENGTH = 43;

/** Beginning of every {@linkcode HEADER_LOGIN}. */
const HEADER_SCHEME = /(?:Basic|Bearer) /i;

/** Masks secrets in lines. */
export interface Mask {
  /** Masks the secrets in a line, in every common encoding, and all text in the form of a secret. */
  (line: string): string;
  /** Masks further secrets from now on; those before are masked as well. */
  add(secrets: readonly string[]): void;
}

/** Creates a mask of secrets. */
export function createMask(secrets: readonly string[]): Mask {
  const all = new Set<string>();
  let known: RegExp | undefined;
  const mask = (line: string) => {
    let text = known === undefined ? line : line.replace(known, MASKED);
    // Few lines have any of these, and the searches take long.
    if (mayHaveKey(text)) text = text.replace(HEX_KEY, MASKED).replace(BASE64_KEY, MASKED);
    if (text.includes("://")) text = text.replace(URL_LOGIN, MASKED);
    if (HEADER_SCHEME.test(text)) text = text.replace(HEADER_LOGIN, MASKED);
    return text;
  };
  const add = (further: readonly string[]) => {
    further.filter(({ length }) => length >= LEAST_SECRET_LENGTH).forEach((secret) => all.add(secret));
    known = patternOf(all);
  };
  add(secrets);
  return Object.assign(mask, { add });
}

/** Returns the pattern of all encodings of the secrets; undefined without any. */
function patternOf(secrets: ReadonlySet<string>): RegExp | undefined {
  if (secrets.size === 0) return undefined;
  // Longest first: one secret may begin with another one.
  const encodings = [...new Set([...secrets].flatMap(encodingsOf))]
    .toSorted((one, other) => other.length - one.length);
  return new RegExp(encodings.map(RegExp.escape).join("|"), "g");
}

/**
 * Returns whether a text has as many characters of keys in a row as the shortest key. Searches each window of that length
 * from its end, so that it can skip all windows with the first other character that it finds.
 */
function mayHaveKey(text: string): boolean {
  let start = 0;
  while (start + MIN_KEY_LENGTH <= text.length) {
    let at = start + MIN_KEY_LENGTH - 1;
    while (at >= start && isKeyCharacter(text.charCodeAt(at))) at--;
    if (at < start) return true;
    start = at + 1;
  }
  return false;
}

/** Returns whether a character may be part of a key: a letter, a digit, or one of `+/-_`. */
function isKeyCharacter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) ||
    code === 0x2b || code === 0x2f || code === 0x2d || code === 0x5f;
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
