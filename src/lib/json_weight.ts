/**
 * Memory of parsed JSON, estimated from its text: a list can have two characters.
 *
 * @module
 */

/** Copies of a text in memory: opened, as a field, and as it is sent. */
const COPIES = 4;

/** Memory of a list, an object, or a number whose digits are kept, besides its text, in bytes. */
const VALUE_BYTES = 64;

/** Memory of any other value besides its text, in bytes. */
const SMALL_VALUE_BYTES = 16;

/** Codes of the characters before a value of a list or of an object. */
const COMMA = 44;
const BRACKET = 91;
const BRACE = 123;

/** Codes of the characters behind them, and of those in strings. */
const BRACKET_END = 93;
const BRACE_END = 125;
const QUOTE = 34;
const BACKSLASH = 92;

/** Estimates the memory of a request until it is answered, in bytes. */
export function payloadWeight(json: string): number {
  const { containers, others } = countValues(json);
  return COPIES * json.length + VALUE_BYTES * (containers + others);
}

/** Estimates the memory of the values of an answer while it is parsed, in bytes. */
export function valuesWeight(json: string): number {
  const { containers, others } = countValues(json);
  return VALUE_BYTES * containers + SMALL_VALUE_BYTES * others;
}

/** Estimates the same where numbers keep their digits, and each may be an object. */
export function exactValuesWeight(json: string): number {
  const { containers, others } = countValues(json);
  return VALUE_BYTES * (containers + others);
}

/** Counts lists and objects, and values after a comma. */
function countValues(json: string): { readonly containers: number; readonly others: number } {
  let [containers, others] = [0, 0];
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (code === COMMA) others += 1;
    else if (code === BRACKET || code === BRACE) containers += 1;
  }
  return { containers, others };
}

/**
 * Returns whether lists and objects of a JSON text are nested in more levels. Does not parse it: V8 takes seconds for some
 * million levels, and many a client has no stack for some thousand.
 */
export function isNestedDeeper(levels: number, json: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (isInString) {
      if (code === BACKSLASH) index++;
      else if (code === QUOTE) isInString = false;
    } else if (code === QUOTE) isInString = true;
    else if (code === BRACKET || code === BRACE) depth++;
    else if (code === BRACKET_END || code === BRACE_END) depth--;
    if (depth > levels) return true;
  }
  return false;
}
