/**
 * QR codes in the terminal, for what is handed to a device.
 *
 * @module
 */
import { renderUnicodeCompact } from "uqr";
import type { Options } from "../args.ts";
import type { KeysSession } from "./session.ts";

/** Options of subcommands that print a code. */
export const CODE_OPTIONS = {
  url: { type: "string", value: "URL", description: "The gateway's address for the device,\ninstead of PUBLIC_URL" },
  invert: {
    type: "boolean",
    default: false,
    description: "For a terminal with dark text on a light background",
  },
  "no-qr": { type: "boolean", default: false, description: "Print only the link" },
} as const satisfies Options;

/** Prints a text as a QR code, unless it is switched off. */
export function printCode(
  text: string,
  { invert, "no-qr": noQr }: PairingCodeOptions & { readonly "no-qr": boolean },
  { print, warn }: Pick<KeysSession, "print" | "warn">,
): void {
  if (noQr) return;
  const code = drawPairingCode(text, { invert });
  print(code);
  const rows = rowsOf(code);
  if (rows > WINDOW_ROWS) {
    warn(`This code has ${rows} rows: make the window higher than that, or copy the line (--no-qr)`);
  }
  if (!invert) print("On a terminal with dark text on a light background, add --invert.");
}

/** Options of the QR code. */
export interface PairingCodeOptions {
  /** True for a terminal with dark text on a light background. */
  readonly invert: boolean;
}

/** Rows of a terminal window by default. */
const WINDOW_ROWS = 24;

/** Light border of the code in modules, the widest first. The standard has 4; cameras need 2, on a dark terminal 1. */
const BORDERS: readonly number[] = [2, 1];

/**
 * Draws a URI as a QR code, two rows in a line. The text colour is light and the background dark, as on most terminals;
 * escape sequences for colours would not pass the filter for control characters.
 *
 * @returns lines of text; at most 24 as long as the address and the name have 63 characters together
 */
export function drawPairingCode(uri: string, { invert }: PairingCodeOptions): string {
  // The same URI in fewer characters: a query may hold these as they are (RFC 3986, section 3.4).
  const text = uri.replaceAll("%3A", ":").replaceAll("%2F", "/");
  // The lowest error correction makes the smallest code, and a screen needs no more.
  const codes = BORDERS.map((border) => renderUnicodeCompact(text, { ecc: "L", border, invert }));
  return codes.find((code) => rowsOf(code) <= WINDOW_ROWS) ?? codes.at(-1) ?? "";
}

/** Returns the number of terminal rows of a code. */
function rowsOf(code: string): number {
  return code.split("\n").length;
}
