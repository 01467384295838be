/**
 * Paths to one value in JSON: the singular queries of JSONPath (RFC 9535, section 2.3.5.1) without negative indexes, such
 * as `$.battery` and `$['a name'][0]`.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";

/** Names of members and indexes of elements, from the outermost on. */
export type JsonPath = readonly (string | number)[];

/** Longest path, in characters. */
const MAX_PATH_LENGTH = 200;

/** Rule for a path, in words that follow the name of its field. */
export const JSON_PATH_RULE: string =
  `must be a path such as $.battery or $['a name'][0], of at most ${MAX_PATH_LENGTH} ` +
  "characters, to one value";

const SEGMENT = /\.([A-Za-z_\u0080-\u{10ffff}][\w\u0080-\u{10ffff}]*)|\[(\d{1,6})\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]/uy;

/** Parses a path; undefined if it is not one. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith("$") || text.length > MAX_PATH_LENGTH) return undefined;
  const path: (string | number)[] = [];
  let end = 1;
  while (end < text.length) {
    SEGMENT.lastIndex = end;
    const match = SEGMENT.exec(text);
    if (match === null) return undefined;
    const [whole, shorthand, index, single, double] = match;
    path.push(index === undefined ? shorthand ?? single ?? double ?? "" : Number(index));
    end += whole.length;
  }
  return path;
}

/** Returns the value at a path; undefined if there is none. */
export function valueAt(json: unknown, path: JsonPath): unknown {
  let value = json;
  for (const step of path) {
    if (typeof step === "number") value = Array.isArray(value) ? value[step] : undefined;
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** Returns a JSON value as text: a text itself, anything else as JSON; undefined for no value. */
export function jsonText(value: unknown): string | undefined {
  return typeof value === "string" ? value : JSON.stringify(value);
}
