/**
 * Looking into values that came as JSON.
 *
 * @module
 */

/** Tells a value that may have fields. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
