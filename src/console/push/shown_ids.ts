/**
 * Ids of the notifications that this device has shown: a message that arrives twice is told once, and an alert that is not
 * among them was missed.
 *
 * @module
 */
import type { KeyValueStore } from "../homes/key_value_store.ts";

/** Most ids that are kept, the newest ones. */
export const MAX_SHOWN_IDS = 100;

const SHOWN = "shown";

/** Notes that a notification is shown; returns whether it is for the first time. */
export async function noteShown(store: Pick<KeyValueStore, "update">, id: string): Promise<boolean> {
  let isFirst = true;
  await store.update(SHOWN, (value) => {
    const ids = readIds(value);
    isFirst = !ids.includes(id);
    return isFirst ? [...ids, id].slice(-MAX_SHOWN_IDS) : ids;
  });
  return isFirst;
}

/** Returns the ids of the notifications that were shown. */
export async function shownIds(store: Pick<KeyValueStore, "get">): Promise<ReadonlySet<string>> {
  return new Set(readIds(await store.get(SHOWN)));
}

function readIds(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((id) => typeof id === "string") : [];
}
