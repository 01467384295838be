/**
 * Colours of lights in Home Assistant: lists of red, green and blue.
 *
 * @module
 */

/** Returns the parts of a colour such as `#rrggbb`. */
export function rgbOf(color: string): readonly number[] {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

/** Returns a colour as `#rrggbb`; undefined if its parts are none. */
export function colorOfRgb(parts: unknown): string | undefined {
  if (!Array.isArray(parts)) return undefined;
  const bytes = parts.filter((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  return bytes.length === 3 ? `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}` : undefined;
}
