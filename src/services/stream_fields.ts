/**
 * Fields of requests for a stream that all services have in common.
 *
 * @module
 */
import { z } from "zod";
import type { Position } from "../protocol/event.ts";
import { parseFields, type Payload } from "../protocol/payload.ts";

/** Fields of a request for a stream. */
export interface StreamFields {
  /** Position of the last event that the listener received, to resume after it. */
  readonly since: Position | undefined;
  /** True if the stream is to stay open while what it is connected to is unavailable. */
  readonly keep: boolean;
}

const SINCE_RULE = "must be an object with epoch, a string, and offset, a whole number from 0";

const schema = z.object({
  since: z.object({
    epoch: z.string(SINCE_RULE).max(64, SINCE_RULE),
    offset: z.int(SINCE_RULE).min(0, SINCE_RULE),
  }, SINCE_RULE).nullish(),
  keep: z.boolean("must be true or false").nullish(),
});

/**
 * Parses the fields; `null` means absent.
 *
 * @throws {FieldError} naming the field that is wrong
 */
export function parseStreamFields(payload: Payload): StreamFields {
  const { since, keep } = parseFields(schema, payload, { required: [] });
  return { since: since ?? undefined, keep: keep ?? false };
}
