/**
 * What an opened request costs in memory, until it is answered.
 *
 * @module
 */

/** A text is there some times: opened, as a field, and as it goes out. */
const COPIES = 4;

/** What the shortest value costs besides its text, in bytes: an empty list or object is two characters. */
const VALUE_BYTES = 64;

/** Characters before a value of a list or of an object. */
const COMMA = 44;
const BRACKET = 91;
const BRACE = 123;

/** Estimates what a request takes from its JSON text, in bytes. */
export function payloadWeight(json: string): number {
  let values = 0;
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (code === COMMA || code === BRACKET || code === BRACE) values += 1;
  }
  return COPIES * json.length + VALUE_BYTES * values;
}
