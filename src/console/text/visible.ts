/**
 * Text of devices and of other people, made safe to read: invisible characters are shown.
 *
 * @module
 */

/** Most characters that are shown of one text. */
const MAX_LENGTH = 2000;

/** First code point of the pictures of control characters (Unicode block Control Pictures). */
const CONTROL_PICTURES = 0x2400;
/** Picture of DELETE. */
const DELETE_PICTURE = "\u2421";

// Controls; formats such as bidirectional overrides and zero-width characters, which reorder or hide other text; letters
// without a picture, such as fillers of Hangul and the empty cell of Braille. Joiners within scripts and emoji stay, and
// variation selectors.
const INVISIBLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u2800]|(?![\u200c\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}])[\p{Cf}\p{DI}]|(?<=^|[\0-\x7f])[\u200c\u200d]/gu;

/** Returns a text with its control and formatting characters made visible, and its end cut where it is very long. */
export function visibleText(text: string): string {
  const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return shown.replace(INVISIBLE, (character) => picture(character.codePointAt(0) ?? 0));
}

/** Returns a text of several lines with its characters made visible as {@linkcode visibleText} does, but not cut. */
export function visibleLines(text: string): string {
  return text.replace(
    INVISIBLE,
    (character) => /[\n\t]/.test(character) ? character : picture(character.codePointAt(0) ?? 0),
  );
}

function picture(code: number): string {
  if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code);
  if (code === 0x7f) return DELETE_PICTURE;
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}
