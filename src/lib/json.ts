/**
 * JSON values of unknown shape.
 *
 * @module
 */

/** Returns whether a value is a JSON object, whose members are yet to be checked. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON; returns undefined, which no JSON text stands for, if the text is malformed. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
