/**
 * Ids of the notifications that this device has shown: a message that arrives twice is told once, and an alert that is not
 * among them was missed.
 *
 * @module
 */
import type { Home } from "../homes/home.ts";
import type { HomeStore } from "../homes/home_store.ts";

/** Most ids that are kept of a home, the newest ones: as many as the alerts that a gateway lists. */
export const MAX_SHOWN_IDS = 100;

/** Notes that a notification is shown; returns whether it is for the first time. */
export async function noteShown(store: Pick<HomeStore, "change">, home: Home, id: string): Promise<boolean> {
  let isFirst = true;
  await store.change(home, "shown", (value) => {
    const ids = readIds(value);
    isFirst = !ids.includes(id);
    return isFirst ? [...ids, id].slice(-MAX_SHOWN_IDS) : ids;
  });
  return isFirst;
}

/** Returns the ids of the notifications that were shown. */
export async function shownIds(store: Pick<HomeStore, "recall">, home: Home): Promise<ReadonlySet<string>> {
  return new Set(readIds(await store.recall(home, "shown")));
}

function readIds(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((id) => typeof id === "string") : [];
}
