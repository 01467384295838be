/**
 * Fields of requests for a stream of states.
 *
 * @module
 */
import { z } from "zod";
import { FieldError, parseFields, type Payload } from "../../protocol/payload.ts";
import { parseStreamFields, type StreamFields } from "../stream_fields.ts";
import { ENTITY_PATTERN_RULE, isPattern } from "./entities.ts";

/** Request for a stream of the states of some entities. */
export interface SubscriptionRequest extends StreamFields {
  /** At least one pattern of entities, without repeats. */
  readonly patterns: readonly string[];
}

/** Most patterns of a request. */
const MAX_PATTERNS = 100;

const LIST_RULE = `must be a list of 1 to ${MAX_PATTERNS} patterns`;

const schema = z.object({
  entities: z.array(z.string(ENTITY_PATTERN_RULE), LIST_RULE).min(1, LIST_RULE).max(MAX_PATTERNS, LIST_RULE),
});

/**
 * Parses the fields of a request.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseSubscriptionRequest(payload: Payload): SubscriptionRequest {
  const { entities } = parseFields(schema, payload, { required: ["entities"] });
  if (!entities.every(isPattern)) throw new FieldError(`Invalid field: entities: each ${ENTITY_PATTERN_RULE}`);
  return { patterns: [...new Set(entities)], ...parseStreamFields(payload) };
}
