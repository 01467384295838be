/**
 * Ids of requests: what an answer and the lines about it in the log have in common.
 *
 * @module
 */
import { type RandomBytes, toHex } from "../protocol/bytes.ts";

/** The header of the answer. */
export const REQUEST_ID_HEADER = "X-Request-Id";

/** So many that two are never the same, in bytes. */
const ID_BYTES = 8;

/** Makes an id: 16 hexadecimal digits. One that a client sends is not taken, as it could fake another's lines. */
export function createRequestId(random: RandomBytes): string {
  return toHex(random(ID_BYTES));
}
