/**
 * Home Assistant: entities, their states, and calls.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import type { Answer } from "./answer.ts";
import { bytesOf } from "./http_request.ts";
import type { ServiceCallOptions } from "./request_options.ts";
import { contentOf, type Fields, malformed } from "./service_answer.ts";

const SERVICE = "home_assistant";

/** State of an entity, as Home Assistant writes it. */
export interface HomeAssistantState {
  /** Entity. */
  readonly "entity_id": string;
  /** State, such as `on` or `21.5`. */
  readonly state: string;
  /** Attributes, by name. */
  readonly attributes: Fields;
  /** Time of the last change, as ISO 8601. */
  readonly "last_changed"?: string;
  /** Time of the last update, as ISO 8601. */
  readonly "last_updated"?: string;
}

/** Options for a call of Home Assistant. */
export interface HomeAssistantOptions extends ServiceCallOptions {
  /** Entities that it acts on. */
  readonly target?: string | readonly string[] | undefined;
  /** Data of the call. */
  readonly data?: Fields | undefined;
  /** Asks for the response of the call. Off by default. */
  readonly returnResponse?: boolean | undefined;
}

/** Options for the history of entities. */
export interface HistoryOptions extends ServiceCallOptions {
  /** Begin of the period: a date, seconds since 1970, or a text as in ISO 8601 with its offset from UTC. */
  readonly start: Date | number | string;
  /** End of the period, in the same way; now by default. */
  readonly end?: Date | number | string | undefined;
  /** Asks for the attributes of each state. Off by default. */
  readonly attributes?: boolean | undefined;
}

/** Past state of an entity. Without `attributes`, only the first and the last one have the entity. */
export interface HomeAssistantPastState extends Partial<Omit<HomeAssistantState, "state">> {
  /** State. */
  readonly state: string;
}

/** Returns the fields of a call. */
export function callFields(call: string, { target, data, returnResponse }: HomeAssistantOptions): Fields {
  const ids = typeof target === "string" ? [target] : target;
  return {
    call,
    target: ids === undefined ? undefined : { entity_id: ids },
    data,
    return_response: returnResponse,
  };
}

/**
 * Parses states.
 *
 * @throws {FailedError} if they are malformed
 */
export function parseStates(answer: Answer): readonly HomeAssistantState[] {
  const states = contentOf(answer, SERVICE);
  if (Array.isArray(states) && states.every(isState)) return states;
  throw malformed(SERVICE);
}

/** Returns the fields of a request for history. */
export function historyFields(entities: readonly string[], { start, end, attributes }: HistoryOptions): Fields {
  return { history: { entities, start: timeOf(start), end: end === undefined ? end : timeOf(end), attributes } };
}

function timeOf(time: Date | number | string): number | string {
  return time instanceof Date ? time.getTime() / 1000 : time;
}

/**
 * Parses the past of entities.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseHistory(answer: Answer): readonly (readonly HomeAssistantPastState[])[] {
  const history = contentOf(answer, SERVICE);
  if (Array.isArray(history) && history.every((past) => Array.isArray(past) && past.every(isPastState))) return history;
  throw malformed(SERVICE);
}

/**
 * Parses one state.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseState(answer: Answer): HomeAssistantState {
  const state = contentOf(answer, SERVICE);
  if (isState(state)) return state;
  throw malformed(SERVICE);
}

/**
 * Parses a picture.
 *
 * @throws {FailedError} if there is none
 */
export function parsePicture(answer: Answer): Uint8Array {
  contentOf(answer, SERVICE);
  const bytes = bytesOf(answer, SERVICE);
  if (bytes === undefined) throw malformed(SERVICE);
  return bytes;
}

function isPastState(value: unknown): value is HomeAssistantPastState {
  return isObject(value) && typeof value["state"] === "string";
}

function isState(value: unknown): value is HomeAssistantState {
  return isObject(value) && typeof value["entity_id"] === "string" && typeof value["state"] === "string" &&
    isObject(value["attributes"]);
}
