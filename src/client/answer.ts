/**
 * What a gateway answers, opened.
 *
 * @module
 */
import { isObject } from "../protocol/is_object.ts";

/** What the gateway answered, opened. */
export interface Answer {
  /** The service's status, in the way of HTTP: 200 for a success. */
  readonly status: number;
  /** The service's answer. */
  readonly body: unknown;
  /** The gateway's clock, in whole seconds since 1970. */
  readonly timestamp: number;
}

/**
 * Reads an answer, opened and parsed.
 *
 * @returns the answer, or undefined for anything else, such as an event or a request that somebody sent back
 */
export function parseAnswer(value: unknown): Answer | undefined {
  if (!isObject(value) || typeof value["status"] !== "number" || typeof value["timestamp"] !== "number") {
    return undefined;
  }
  return { status: value["status"], body: value["body"], timestamp: value["timestamp"] };
}
