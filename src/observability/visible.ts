/**
 * Text that a client, a broker or Jeedom chose, made fit for terminals, log files and editors.
 *
 * @module
 */

/**
 * Characters that are not shown but acted on: controls (C0, C1, DEL), bidirectional controls (UAX #9), and the line and
 * paragraph separators. They move the cursor, hide or reorder what follows, or begin what looks like a new line.
 */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

const REPLACEMENT = "\ufffd";

/** Returns a text with each unseen character replaced; line breaks are kept. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => character === "\n" ? character : REPLACEMENT);
}

/** Returns a text as {@linkcode visible} does, on one line: a run of line breaks becomes a space. */
export function visibleLine(text: string): string {
  return visible(text.replace(/[\r\n]+/g, " "));
}

/** Returns JSON text with each unseen character in its strings escaped: it means the same, and shows what it is. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    // Line breaks and tabs are never within a JSON string, but after it.
    return code < 0x20 ? character : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
