/**
 * States of a simulated Home Assistant, in the forms in which it sends them.
 *
 * @module
 */

/** Cause of a change. */
export interface Context {
  /** Id, unique to the cause. */
  readonly id: string;
  /** Id of the user that caused it; null for a device. */
  readonly userId: string | null;
}

/** State of an entity. Times are in milliseconds since 1970. */
export interface EntityState {
  /** Name of the entity, such as `light.kitchen`. */
  readonly entity: string;
  /** State, such as `on`. */
  readonly state: string;
  /** Further values, by name. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Time of the last change of `state`. */
  readonly changedAt: number;
  /** Time of the last change of `state` or of an attribute. */
  readonly updatedAt: number;
  /** Cause of the last change. */
  readonly context: Context;
}

/** Formats a time as Home Assistant does: six digits of a second, none if they are zero, and an offset. */
export function formatTime(ms: number): string {
  const [seconds = "", fraction = ""] = new Date(ms).toISOString().split(/[.Z]/);
  return `${seconds}${fraction === "000" ? "" : `.${fraction}000`}+00:00`;
}

/** Makes the full form of a context. */
export function toContext({ id, userId }: Context): Readonly<Record<string, unknown>> {
  return { "id": id, "parent_id": null, "user_id": userId };
}

/** Makes the full form of a state, of `GET /api/states` and `get_states`. */
export function toFullState(state: EntityState): Readonly<Record<string, unknown>> {
  return {
    "entity_id": state.entity,
    "state": state.state,
    "attributes": state.attributes,
    "last_changed": formatTime(state.changedAt),
    "last_reported": formatTime(state.updatedAt),
    "last_updated": formatTime(state.updatedAt),
    "context": toContext(state.context),
  };
}

/** Makes the compressed form of a state, of `a` in an event of `subscribe_entities`. Times are in seconds since 1970. */
export function toCompressedState(state: EntityState): Readonly<Record<string, unknown>> {
  return {
    s: state.state,
    a: state.attributes,
    c: state.context.userId === null ? state.context.id : toContext(state.context),
    lc: state.changedAt / 1000,
    ...state.updatedAt !== state.changedAt && { lu: state.updatedAt / 1000 },
  };
}

/** Makes the difference of two states, of `c` in an event of `subscribe_entities`. */
export function toStateDifference(before: EntityState, after: EntityState): Readonly<Record<string, unknown>> {
  const changed = Object.entries(after.attributes).filter(([name, value]) =>
    !Object.hasOwn(before.attributes, name) || !isSame(before.attributes[name], value)
  );
  const removed = Object.keys(before.attributes).filter((name) => !Object.hasOwn(after.attributes, name));
  const context = contextDifference(before.context, after.context);
  return {
    "+": {
      ...after.state !== before.state && { s: after.state },
      ...timeDifference(before, after),
      ...context !== undefined && { c: context },
      ...changed.length > 0 && { a: Object.fromEntries(changed) },
    },
    ...removed.length > 0 && { "-": { a: removed } },
  };
}

function timeDifference(before: EntityState, after: EntityState): Readonly<Record<string, number>> {
  if (after.changedAt !== before.changedAt) return { lc: after.changedAt / 1000 };
  return after.updatedAt === before.updatedAt ? {} : { lu: after.updatedAt / 1000 };
}

function contextDifference(before: Context, after: Context): unknown {
  if (before.userId !== after.userId) {
    return { "user_id": after.userId, ...before.id !== after.id && { id: after.id } };
  }
  return before.id === after.id ? undefined : after.id;
}

/** Returns whether two values of attributes are the same in JSON. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
