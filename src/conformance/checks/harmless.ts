/**
 * A request that can run nothing, whatever the key may do.
 *
 * @module
 */
import type { Fields, Refusal } from "../answer.ts";

/** For `POST /gateway`. */
export const HARMLESS: Fields = { service: "conformance" };

/** Answer to it, once it is admitted: it names the services there are. */
export const HARMLESS_ANSWER: Refusal = { status: 403, error: 'Unknown service: must be "' };
