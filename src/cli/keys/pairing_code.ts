/**
 * A pairing as a QR code for the terminal.
 *
 * @module
 */
import { renderUnicodeCompact } from "uqr";

/** Choices for the code. */
export interface PairingCodeOptions {
  /** True for dark letters on a light terminal. */
  readonly invert: boolean;
}

/** Rows of a terminal as it opens: a code that is higher cannot be seen as a whole. */
export const WINDOW_ROWS = 24;

/**
 * Light around the code, in modules, the widest first. The standard wants 4; cameras do with 2, and with 1 on a dark
 * terminal.
 */
const BORDERS: readonly number[] = [2, 1];

/**
 * Draws a URI as a QR code, two rows in a line. The letters' colour stands for light and the terminal's for dark, as on
 * most terminals; colours of its own, which would fit every terminal, do not get past the filter for control characters.
 *
 * @returns lines of text; at most 24 as long as the address and the name have 63 characters together
 */
export function drawPairingCode(uri: string, { invert }: PairingCodeOptions): string {
  // The same URI in fewer characters: a query may hold these as they are (RFC 3986, section 3.4).
  const text = uri.replaceAll("%3A", ":").replaceAll("%2F", "/");
  // A screen has no scratches: the least correction makes the smallest code.
  const codes = BORDERS.map((border) => renderUnicodeCompact(text, { ecc: "L", border, invert }));
  return codes.find((code) => rowsOf(code) <= WINDOW_ROWS) ?? codes.at(-1) ?? "";
}

/** Counts the rows of a terminal that a code takes. */
export function rowsOf(code: string): number {
  return code.split("\n").length;
}
