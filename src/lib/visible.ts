/**
 * Untrusted text, such as a topic, made safe for terminals, log files and editors.
 *
 * @module
 */

/**
 * Control characters (C0, C1, DEL), bidirectional controls (UAX #9), and line and paragraph separators. They move the
 * cursor, hide or reorder text, or imitate a new line.
 */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Any of them. */
const CONTROL = new RegExp(CONTROLS.source, "u");

const REPLACEMENT = "\ufffd";

/** Returns whether a text has no control character, not even a line break. */
export function isVisible(text: string): boolean {
  return !CONTROL.test(text);
}

/** Replaces each control character of a text by U+FFFD; keeps line breaks. */
export function visible(text: string): string {
  return text.replace(CONTROLS, (character) => character === "\n" ? character : REPLACEMENT);
}

/** Replaces control characters like {@linkcode visible}, and line breaks by a space. */
export function visibleLine(text: string): string {
  return visible(text.replace(/[\r\n]+/g, " "));
}

/** Escapes each control character in the strings of a JSON text, which keeps its meaning. */
export function visibleJson(json: string): string {
  return json.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    // JSON strings hold no line breaks or tabs: these are outside of them.
    return code < 0x20 ? character : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
