/**
 * JSON values whose numbers keep the digits that they were written with.
 *
 * A double holds some 15 digits, and JavaScript writes a number in its own way: `6066005651767221768` would go on as
 * `6066005651767222000`, `1.0` as `1`, `1e400` as `null`. A number that would change is kept as its source text, which
 * `JSON.stringify` writes as it is (ECMA-262, `JSON.rawJSON`).
 *
 * @module
 */
import { isObject } from "./is_object.ts";

/**
 * What this file uses of ECMA-262's "JSON.parse source text access", which TypeScript does not describe yet. Node 20 has
 * none of it: there, where only clients run, numbers are parsed as ever.
 */
interface SourceTextJson {
  rawJSON(text: string): unknown;
  isRawJSON?(value: unknown): boolean;
}

const sourceText = JSON as unknown as SourceTextJson;

const isRaw = (value: unknown): value is { readonly rawJSON: string } => sourceText.isRawJSON?.(value) === true;

/**
 * Matches texts in which a number might change: one with more digits than a double keeps, or in a spelling that is not
 * JavaScript's own. It may match inside of strings as well: that costs time, and changes nothing.
 */
const MAY_CHANGE = /[\d.]{16}|\.\d*0(?!\d)|\d[eE]|-0(?![.\d])|\.0{6}/;

/** Tells whether a JSON text may hold a number that `JSON.parse` and `JSON.stringify` would change. */
export function mayChangeNumbers(text: string): boolean {
  return MAY_CHANGE.test(text);
}

/**
 * Parses JSON text. `JSON.stringify` writes each number of the result with the digits of the text.
 *
 * @throws {SyntaxError} if it is not JSON
 * @throws {RangeError} if it holds a number to be kept, and is nested some thousand levels deep
 */
export function parseExact(text: string): unknown {
  if (!mayChangeNumbers(text)) return JSON.parse(text);
  return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined || context.source === String(value)) return value;
    return sourceText.rawJSON(context.source);
  });
}

/** Returns the number that a value is, where {@linkcode parseExact} kept its source text; else the value as it is. */
export function plainNumber(value: unknown): unknown {
  return isRaw(value) ? Number(value.rawJSON) : value;
}

/** Tells whether lists and objects are nested in each other more than so many levels deep. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null || isRaw(value)) return false;
  if (levels === 0) return true;
  const members = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  return members.some((member) => isDeeperThan(levels - 1, member));
}
