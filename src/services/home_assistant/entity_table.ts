/**
 * States of all entities, kept up to date by the events of `subscribe_entities`.
 *
 * @module
 */
import { parseExact, plainNumber } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { isName } from "./entities.ts";
import { withoutTokens } from "./states.ts";
import { malformed } from "./stream_errors.ts";

/** Object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** State of an entity that changed, was added or was removed. */
export interface StateChange {
  /** Id of the entity. */
  readonly entity: string;
  /** The state as JSON text; undefined if there is no such entity any more. */
  readonly json: string | undefined;
}

/** State of an entity in the form of the REST API, without its context. */
interface State {
  readonly "entity_id": string;
  readonly state: string;
  readonly attributes: Json;
  readonly "last_changed": string;
  readonly "last_updated": string;
}

/** Memory of a state besides its text, here and as the newest message of its entity, in bytes. */
const STATE_OVERHEAD_BYTES = 512;

/** Table of the states of all entities. */
export class EntityTable {
  readonly #maxBytes: number;
  /** State of each entity as JSON text: it takes less memory than objects, and is what listeners receive. */
  readonly #states = new Map<string, string>();
  #bytes = 0;

  /**
   * Makes an empty table.
   *
   * @param maxBytes most bytes of states
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory of all states, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Removes all entities. */
  clear(): void {
    this.#states.clear();
    this.#bytes = 0;
  }

  /**
   * Applies an event: entities that are added (`a`), changed (`c`) and removed (`r`).
   *
   * @returns the states that differ now
   * @throws {ServiceError} if the event breaks the rules of the API, or there are too many states
   */
  apply({ a: added = {}, c: changed = {}, r: removed = [] }: Json): StateChange[] {
    if (!isObject(added) || !isObject(changed) || !Array.isArray(removed)) throw malformed("an event of a wrong form");
    const changes: StateChange[] = [];
    for (const [entity, state] of Object.entries(added)) {
      if (isName(entity)) this.#set(addedState(entity, state), changes);
    }
    for (const [entity, difference] of Object.entries(changed)) {
      if (!isName(entity)) continue;
      const before = this.#states.get(entity);
      if (before === undefined) throw malformed("a change of an unknown entity");
      this.#set(changedState(parseState(entity, before), difference), changes);
    }
    for (const entity of removed) {
      if (typeof entity === "string" && this.#delete(entity)) changes.push({ entity, json: undefined });
    }
    return changes;
  }

  #set(state: State, changes: StateChange[]): void {
    const { entity_id: entity } = state;
    const json = JSON.stringify({ ...state, attributes: withoutTokens(state.attributes) });
    if (this.#states.get(entity) === json) return;
    this.#delete(entity);
    this.#states.set(entity, json);
    this.#bytes += bytesOf(entity, json);
    if (this.#bytes > this.#maxBytes) {
      throw malformed(`more than ${this.#maxBytes} bytes of states`);
    }
    changes.push({ entity, json });
  }

  #delete(entity: string): boolean {
    const json = this.#states.get(entity);
    if (json === undefined) return false;
    this.#bytes -= bytesOf(entity, json);
    return this.#states.delete(entity);
  }
}

function bytesOf(entity: string, json: string): number {
  return entity.length + json.length + STATE_OVERHEAD_BYTES;
}

/** Makes a state from its compressed form: state, attributes, and the times of its last change and update. */
function addedState(entity: string, compressed: unknown): State {
  const { s: state, a: attributes = {}, lc: changedAt, lu: updatedAt = changedAt } = objectOf(compressed);
  if (typeof state !== "string") throw malformed("a state that is no text");
  return {
    "entity_id": entity,
    state,
    attributes: objectOf(attributes),
    "last_changed": formatTime(changedAt),
    "last_updated": formatTime(updatedAt),
  };
}

/** Applies a difference: values that are new or other (`+`), and names of attributes that are gone (`-`). */
function changedState(before: State, difference: unknown): State {
  const { "+": set = {}, "-": unset = {} } = objectOf(difference);
  const { s: state = before.state, a: attributes = {}, lc: changedAt, lu: updatedAt = changedAt } = objectOf(set);
  const { a: gone = [] } = objectOf(unset);
  if (typeof state !== "string" || !Array.isArray(gone)) throw malformed("a change of a wrong form");
  const names = new Set<unknown>(gone);
  // No assignment: a name may be "__proto__".
  const kept = Object.fromEntries(Object.entries(before.attributes).filter(([name]) => !names.has(name)));
  return {
    ...before,
    state,
    attributes: { ...kept, ...objectOf(attributes) },
    ...changedAt === undefined ? {} : { "last_changed": formatTime(changedAt) },
    ...updatedAt === undefined ? {} : { "last_updated": formatTime(updatedAt) },
  };
}

/** Parses the text of a state that this table made. */
function parseState(entity: string, json: string): State {
  const { state, attributes, last_changed: changed, last_updated: updated } = objectOf(parseExact(json));
  return {
    "entity_id": entity,
    state: String(state),
    attributes: objectOf(attributes),
    "last_changed": String(changed),
    "last_updated": String(updated),
  };
}

function objectOf(value: unknown): Json {
  if (!isObject(value)) throw malformed("a value in place of an object");
  return value;
}

/** Formats a time in seconds since 1970 as the REST API does: with six digits of a second, or none if they are zero. */
function formatTime(value: unknown): string {
  const seconds = plainNumber(value);
  const micros = typeof seconds === "number" ? Math.round(seconds * 1e6) : NaN;
  const date = new Date(Math.floor(micros / 1000));
  if (Number.isNaN(date.getTime())) throw malformed("a time that is none");
  const fraction = micros - Math.floor(micros / 1e6) * 1e6;
  const digits = fraction === 0 ? "" : `.${String(fraction).padStart(6, "0")}`;
  return `${date.toISOString().slice(0, -".000Z".length)}${digits}+00:00`;
}
