/**
 * Fields of requests for a stream of states.
 *
 * @module
 */
import { z } from "zod";
import type { Position } from "../../protocol/event.ts";
import { FieldError, parseFields, type Payload } from "../../protocol/payload.ts";
import { keepField, sinceField } from "../stream_fields.ts";
import { ENTITY_PATTERN_RULE, isPattern } from "./entities.ts";

/** Request for a stream of the states of some entities. */
export interface SubscriptionRequest {
  /** At least one pattern of entities, without repeats. */
  readonly patterns: readonly string[];
  /** Position of the last event that the listener received, to resume after it. */
  readonly since: Position | undefined;
  /** True if the stream is to stay open while Home Assistant is unreachable. */
  readonly keep: boolean;
}

/** Most patterns of a request. */
const MAX_PATTERNS = 100;

const LIST_RULE = `must be a list of 1 to ${MAX_PATTERNS} patterns`;

const schema = z.object({
  entities: z.array(z.string(ENTITY_PATTERN_RULE), LIST_RULE).min(1, LIST_RULE).max(MAX_PATTERNS, LIST_RULE),
  since: sinceField,
  keep: keepField,
});

/**
 * Parses the fields of a request.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseSubscriptionRequest(payload: Payload): SubscriptionRequest {
  const { entities, since, keep = false } = parseFields(schema, payload, { required: ["entities"] });
  if (!entities.every(isPattern)) throw new FieldError(`Invalid field: entities: each ${ENTITY_PATTERN_RULE}`);
  return { patterns: [...new Set(entities)], since, keep };
}
