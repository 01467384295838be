/**
 * Numbers in payloads: the whole payload, or a member of its JSON.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../../../lib/json.ts";

/** Names and indexes that lead to a value; empty for the whole payload. */
export type ValuePath = readonly string[];

/** Longest payload that is parsed for each message, in characters. */
export const MAX_PARSED = 65_536;

/** Deepest member, and the most members, that are offered for a chart. */
const MAX_DEPTH = 8;
const MAX_PATHS = 100;

const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** Longest text that can be a number. */
const MAX_NUMBER = 40;

/** Largest number that is drawn: the steps of an axis are not made for larger ones. */
const MAX_MAGNITUDE = 1e30;

/** Words of switches and contacts, which a chart shows as steps. */
const STEPS: ReadonlyMap<string, number> = new Map([
  ["on", 1],
  ["off", 0],
  ["true", 1],
  ["false", 0],
  ["open", 1],
  ["closed", 0],
]);

/** Returns the number that a value stands for; undefined if it stands for none. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return Math.abs(value) <= MAX_MAGNITUDE ? value : undefined;
  if (typeof value !== "string" || value.length > MAX_NUMBER) return undefined;
  if (!NUMBER.test(value)) return STEPS.get(value.trim().toLowerCase());
  return numberOf(Number(value));
}

/** Returns what finds the number at a path of a payload, undefined where there is none; it parses the payload once. */
export function numberReader(payload: string | null): (path: ValuePath) => number | undefined {
  let parsed: { readonly value: unknown } | undefined;
  return (path) => {
    if (payload === null) return undefined;
    if (path.length === 0) return numberOf(payload);
    if (payload.length > MAX_PARSED) return undefined;
    parsed ??= { value: tryParseJson(payload) };
    return numberOf(path.reduce(memberOf, parsed.value));
  };
}

/** Returns the paths of all numbers in a payload, the outer ones first. */
export function numericPaths(payload: string | null): readonly ValuePath[] {
  if (payload === null) return [];
  if (numberOf(payload) !== undefined) return [[]];
  if (payload.length > MAX_PARSED) return [];
  const found: ValuePath[] = [];
  const queue: { readonly value: unknown; readonly path: ValuePath }[] = [{ value: tryParseJson(payload), path: [] }];
  for (const { value, path } of queue) {
    if (found.length >= MAX_PATHS || queue.length > 50 * MAX_PATHS) break;
    if (path.length > 0 && numberOf(value) !== undefined) found.push(path);
    if (typeof value !== "object" || value === null || path.length >= MAX_DEPTH) continue;
    for (const name of Object.keys(value).slice(0, MAX_PATHS)) {
      queue.push({ value: memberOf(value, name), path: [...path, name] });
    }
  }
  return found;
}

/** Returns an own member of an object or array. */
function memberOf(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? value[Number(name)] : undefined;
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
