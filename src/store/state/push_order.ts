/**
 * Order in which stores of push messages list what they have, where no database sorts it.
 *
 * @module
 */
import type { PushOwner, StoredRule, StoredSubscription } from "./push_store.ts";

/** Compares keys by name, then by time of creation. */
export function compareOwners(one: PushOwner, other: PushOwner): number {
  return compare(one.key, other.key) || one.keyCreated - other.keyCreated;
}

/** Compares rules by key and name. */
export function compareRules(one: StoredRule, other: StoredRule): number {
  return compareOwners(one, other) || compare(one.name, other.name);
}

/** Compares subscriptions by time of creation. */
export function compareSubscriptions(one: StoredSubscription, other: StoredSubscription): number {
  return one.created - other.created || compare(one.id, other.id);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
