/**
 * Fields of requests for a stream that all services have in common.
 *
 * @module
 */
import { z } from "zod";
import type { Position } from "../protocol/event.ts";

const SINCE_RULE = "must be an object with epoch, a string, and offset, a whole number from 0";

/** Position of the last event that the listener received, to resume after it; `null` means absent. */
export const sinceField: z.ZodType<Position | undefined> = z.object({
  epoch: z.string(SINCE_RULE).max(64, SINCE_RULE),
  offset: z.int(SINCE_RULE).min(0, SINCE_RULE),
}, SINCE_RULE).nullish().transform((value) => value ?? undefined);

/** True if the stream is to stay open while what it is connected to is unavailable; `null` means absent. */
export const keepField: z.ZodType<boolean | undefined> = z.boolean("must be true or false").nullish().transform((
  value,
) => value ?? undefined);
