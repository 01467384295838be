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

/**
 * Light around the code, in modules. The standard wants 4, but cameras do with 2, and a code that is higher than the
 * window cannot be read at all.
 */
const BORDER = 2;

/**
 * Draws a URI as a QR code, two rows in a line. The letters' colour stands for light and the terminal's for dark, as on
 * most terminals; colours of its own, which would fit every terminal, do not get past the filter for control characters.
 */
export function drawPairingCode(uri: string, { invert }: PairingCodeOptions): string {
  // A screen has no scratches: the least correction makes the smallest code.
  return renderUnicodeCompact(uri, { ecc: "L", border: BORDER, invert });
}
