/**
 * Texts of limited length.
 *
 * @module
 */

/** Mark at the end of a text that was cut. */
const MARK = "…";

/** Returns a text of at most that many UTF-16 code units, with a mark at its end where it was cut. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = Math.max(0, maxLength - MARK.length);
  // No half of a surrogate pair.
  const isPair = end > 0 && /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return maxLength < MARK.length ? "" : text.slice(0, isPair ? end - 1 : end) + MARK;
}
