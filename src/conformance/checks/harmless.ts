/**
 * A request that can run nothing, whatever the key may do.
 *
 * @module
 */
import type { Fields, Refusal } from "../answer.ts";

/** For `POST /gateway`. */
export const HARMLESS: Fields = { service: "conformance" };

/** What it is answered with, once it is admitted. */
export const HARMLESS_ANSWER: Refusal = { status: 403, error: 'Unknown service: must be "jeedom" or "mqtt"' };
