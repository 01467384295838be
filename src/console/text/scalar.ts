/**
 * Numbers and texts in what devices and services send.
 *
 * @module
 */

/** Returns the number that a value is, also as a text; undefined where it is none. */
export function numberIn(value: unknown): number | undefined {
  const isText = typeof value === "string" && value.trim() !== "";
  const number = typeof value === "number" ? value : isText ? Number(value) : NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** Returns the text that a value is, also as a number; undefined for anything else. */
export function textIn(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
