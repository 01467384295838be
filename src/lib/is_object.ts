/**
 * Looking into values that came as JSON.
 *
 * @module
 */

/** Tells a JSON object, whose fields are yet to be looked at. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
