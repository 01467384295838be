/**
 * Fields of requests to Home Assistant.
 *
 * @module
 */
import { z } from "zod";
import { parseIsoTime } from "../../lib/iso_time.ts";
import { isObject } from "../../lib/json.ts";
import { FieldError, parseFields, type Payload } from "../../protocol/payload.ts";
import { ENTITY_PATTERN_RULE, ENTITY_RULE, isName, isPattern } from "./entities.ts";

/** Request to Home Assistant. */
export type HomeAssistantRequest =
  | ServiceCallRequest
  | StatesRequest
  | HistoryRequest
  /** State of one entity, or picture of one camera. */
  | { readonly kind: "state" | "camera"; readonly entity: string };

/** Call of a service. */
export interface ServiceCallRequest {
  /** Distinguishes it. */
  readonly kind: "call";
  /** Service, such as `light.turn_on`. */
  readonly service: string;
  /** Entities that it is for; empty for a call without. */
  readonly entities: readonly string[];
  /** Further fields of the call; the names in them are yet to be checked. */
  readonly data: Readonly<Record<string, unknown>>;
  /** True if the service's own answer is wanted. */
  readonly wantsResponse: boolean;
}

/** States of the entities that match patterns. */
export interface StatesRequest {
  /** Distinguishes it. */
  readonly kind: "states";
  /** At least one pattern. */
  readonly patterns: readonly string[];
}

/** Past states of entities. */
export interface HistoryRequest {
  /** Distinguishes it. */
  readonly kind: "history";
  /** At least one entity. */
  readonly entities: readonly string[];
  /** Begin, in milliseconds since 1970. */
  readonly start: number;
  /** End, in milliseconds since 1970. */
  readonly end: number;
  /** True if the attributes of each state are wanted, too. */
  readonly withAttributes: boolean;
}

/** Fields of which a request has exactly one. */
const KINDS = ["call", "states", "state", "history", "camera"] as const;

/** Most entities of a call. */
const MAX_CALL_ENTITIES = 200;

/** Most entities of a history: their ids are a part of an address, whose length is limited. */
const MAX_HISTORY_ENTITIES = 50;

/** Most patterns of states. */
const MAX_PATTERNS = 100;

/** Longest history, in milliseconds: 31 days and a change of the clock. Home Assistant keeps 10 days by default. */
const MAX_HISTORY_MS = 31 * 86_400_000 + 3_600_000;

/** Makes a field optional; `null` means absent. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const entity = z.string(ENTITY_RULE).refine(isName, ENTITY_RULE);

/** A list without repeats of some entries, at least one. */
const listOf = <T extends z.ZodType<string>>(entry: T, max: number) => {
  const rule = `must be a list of 1 to ${max}`;
  return z.array(entry, rule).min(1, rule).max(max, rule).transform((values) => [...new Set(values)]);
};

const TARGET_RULE =
  "must be an object with entity_id alone: areas, devices, floors and labels are refused, as rights name entities";

const SERVICE_RULE = "must be a service such as light.turn_on, in lower case";

const TIME_RULE = "must be seconds since 1970, or a time with its offset such as 2026-01-31T18:00:00Z";

/** A time in milliseconds since 1970, from seconds or a text with an offset from UTC. */
const time = z.union([
  z.number(TIME_RULE).min(0, TIME_RULE).max(10_000_000_000, TIME_RULE).transform((seconds) => seconds * 1000),
  z.string(TIME_RULE).transform((text) => parseIsoTime(text) ?? NaN).refine((ms) => !Number.isNaN(ms), TIME_RULE),
], TIME_RULE);

const schema = z.object({
  call: optional(z.string(SERVICE_RULE).refine(isName, SERVICE_RULE)),
  target: optional(
    z.strictObject({
      "entity_id": z.union(
        [entity.transform((one) => [one]), listOf(entity, MAX_CALL_ENTITIES)],
        `entity_id ${ENTITY_RULE}, or a list of them`,
      ),
    }, TARGET_RULE),
  ),
  // As it is: a record of zod's would be a copy, without a member that is called __proto__.
  data: optional(z.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object")),
  "return_response": optional(z.boolean("must be true or false")),
  states: optional(listOf(z.string(ENTITY_PATTERN_RULE).refine(isPattern, ENTITY_PATTERN_RULE), MAX_PATTERNS)),
  state: optional(entity),
  history: optional(
    z.strictObject({
      entities: listOf(entity, MAX_HISTORY_ENTITIES),
      start: time,
      end: optional(time),
      attributes: optional(z.boolean("must be true or false")),
    }, "must be an object with entities, start, and optionally end and attributes"),
  ),
  camera: optional(entity.refine((id) => id.startsWith("camera."), "must be the id of a camera such as camera.door")),
});

/**
 * Parses the fields of a request.
 *
 * @param now wall clock, in milliseconds since 1970: the end of a history without one
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseHomeAssistantRequest(payload: Payload, now: number): HomeAssistantRequest {
  const given = KINDS.filter((name) => payload[name] !== undefined && payload[name] !== null);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    throw new FieldError(`A request needs exactly one of the fields ${KINDS.join(", ")}`);
  }
  const { call, target, data, states, state, history, camera, return_response: wantsResponse } = parseFields(
    schema,
    payload,
    { required: [kind] },
  );
  if (call !== undefined) {
    const entities = target?.entity_id ?? [];
    return { kind: "call", service: call, entities, data: data ?? {}, wantsResponse: wantsResponse ?? false };
  }
  if (states !== undefined) return { kind: "states", patterns: states };
  if (state !== undefined) return { kind: "state", entity: state };
  if (camera !== undefined) return { kind: "camera", entity: camera };
  if (history === undefined) throw new FieldError(`Missing required field: ${kind}`);
  const { entities, start, end = now, attributes: withAttributes = false } = history;
  if (end <= start) throw new FieldError("Invalid field: history: end must be after start");
  if (end - start > MAX_HISTORY_MS) throw new FieldError("Invalid field: history: must be of at most 31 days");
  return { kind: "history", entities, start, end, withAttributes };
}
