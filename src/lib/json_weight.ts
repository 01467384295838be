/**
 * What JSON costs in memory once it is parsed, estimated from its text: two characters can be a list of its own.
 *
 * @module
 */

/** A text is there some times: opened, as a field, and as it goes out. */
const COPIES = 4;

/** What a list or an object costs besides its text, and a number that keeps its spelling, in bytes. */
const VALUE_BYTES = 64;

/** What any other value costs besides its text, in bytes. */
const SMALL_VALUE_BYTES = 16;

/** Characters before a value of a list or of an object. */
const COMMA = 44;
const BRACKET = 91;
const BRACE = 123;

/** Estimates what a request takes until it is answered, in bytes. */
export function payloadWeight(json: string): number {
  const { containers, others } = countValues(json);
  return COPIES * json.length + VALUE_BYTES * (containers + others);
}

/** Estimates what the values of an answer take while it is looked through, in bytes. */
export function valuesWeight(json: string): number {
  const { containers, others } = countValues(json);
  return VALUE_BYTES * containers + SMALL_VALUE_BYTES * others;
}

/** Counts lists and objects, and what follows a comma. */
function countValues(json: string): { readonly containers: number; readonly others: number } {
  let [containers, others] = [0, 0];
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (code === COMMA) others += 1;
    else if (code === BRACKET || code === BRACE) containers += 1;
  }
  return { containers, others };
}
