/**
 * JSON values whose numbers keep the digits that they were written with.
 *
 * A double has some 15 digits, and JavaScript formats a number in its own way: `6066005651767221768` would become
 * `6066005651767222000`, `1.0` would become `1`, `1e400` `null`. A number that would change is kept as its source text,
 * which `JSON.stringify` writes unchanged (ECMA-262, `JSON.rawJSON`).
 *
 * @module
 */
import { isObject } from "./json.ts";

/**
 * Part of ECMA-262's "JSON.parse source text access" that TypeScript does not declare yet. Node 20, where only clients
 * run, does not have it: numbers are parsed as usual there.
 */
interface SourceTextJson {
  rawJSON(text: string): unknown;
  isRawJSON?(value: unknown): boolean;
}

const sourceText = JSON as unknown as SourceTextJson;

const isRaw = (value: unknown): value is { readonly rawJSON: string } => sourceText.isRawJSON?.(value) === true;

/**
 * Matches texts in which a number might change: one with more digits than a double keeps, or not in JavaScript's own
 * format. May match within strings as well, which costs time only.
 */
const MAY_CHANGE = /[\d.]{16}|\.\d*0(?!\d)|\d[eE]|-0(?![.\d])|\.0{6}/;

/** Returns whether a JSON text may hold a number that `JSON.parse` and `JSON.stringify` would change. */
export function mayChangeNumbers(text: string): boolean {
  return MAY_CHANGE.test(text);
}

/**
 * Parses JSON text. `JSON.stringify` writes each number of the result with the digits of the text.
 *
 * @throws {SyntaxError} if it is not JSON
 * @throws {RangeError} if it has a number to keep, and is nested some thousand levels deep
 */
export function parseExact(text: string): unknown {
  if (!mayChangeNumbers(text)) return JSON.parse(text);
  return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined || context.source === String(value)) return value;
    return sourceText.rawJSON(context.source);
  });
}

/** Returns the number of a value whose source text {@linkcode parseExact} kept; any other value unchanged. */
export function plainNumber(value: unknown): unknown {
  return isRaw(value) ? Number(value.rawJSON) : value;
}

/** Returns whether lists and objects are nested more than that many levels deep. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null || isRaw(value)) return false;
  if (levels === 0) return true;
  const members = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  return members.some((member) => isDeeperThan(levels - 1, member));
}

/** Returns whether a JSON value consists of more than that many values, itself and those within it. */
export function hasMoreValues(max: number, value: unknown): boolean {
  let count = 0;
  const isOver = (one: unknown): boolean => {
    count += 1;
    return count > max || (typeof one === "object" && one !== null && Object.values(one).some(isOver));
  };
  return isOver(value);
}

/** Counts the objects, lists and members in JSON text, without parsing it. */
export function countParts(text: string): number {
  return withoutStrings(text).match(/[{[:]/g)?.length ?? 0;
}

/** Returns whether `JSON.stringify` writes the numbers of a value as in the JSON text that it was parsed from. */
export function keepsNumbers(text: string, value: unknown): boolean {
  return withoutStrings(text) === withoutStrings(JSON.stringify(value));
}

/** Removes white space and strings; escapes first, so that each remaining quotation mark begins or ends a string. */
function withoutStrings(json: string): string {
  return json.replace(/\\.|\s/g, "").replace(/"[^"]*"/g, "");
}

/**
 * Splits the text of an object into the texts of its members, without parsing them.
 *
 * @param text valid JSON of an object
 * @returns the text of each member's value by name; of duplicates the last, as with `JSON.parse`
 */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let depth = 0;
  let name = "";
  let begin = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === "{" || char === "[") depth += 1;
    const isMemberEnd = depth === 1 && (char === "," || char === "}");
    if (isMemberEnd) texts.set(name, text.slice(begin, at));
    else if (depth === 1 && char === ":") name = String(JSON.parse(text.slice(begin, at)));
    if (isMemberEnd || (depth === 1 && (char === ":" || char === "{"))) begin = at + 1;
    if (char === "}" || char === "]") depth -= 1;
  }
  return texts;
}

function endOfString(text: string, begin: number): number {
  let end = begin;
  let isEscaped: boolean;
  do {
    end = text.indexOf('"', end + 1);
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    isEscaped = backslashes % 2 === 1;
  } while (isEscaped);
  return end;
}
