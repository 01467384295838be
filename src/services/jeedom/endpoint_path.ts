/**
 * Paths on the Jeedom server.
 *
 * @module
 */

/** Tells whether a text is a plain path: nothing in it can change the host, climb up, or carry a query. */
export function isPlainPath(text: string): boolean {
  return text.length <= 256 && /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/.test(text);
}
