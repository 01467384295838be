/**
 * Storage of the page in the browser.
 *
 * @module
 */
import { createStore, del, entries, get, set, update } from "idb-keyval";

/** Values by key, kept by the browser. */
export interface KeyValueStore {
  /** Returns a value; undefined if there is none. */
  get(key: string): Promise<unknown>;
  /** Stores a value. */
  set(key: string, value: unknown): Promise<void>;
  /** Replaces a value by what is made of it, in one step: page and service worker may do so at the same time. */
  update(key: string, change: (value: unknown) => unknown): Promise<void>;
  /** Deletes a value. */
  delete(key: string): Promise<void>;
  /** Lists all keys with their values. */
  entries(): Promise<readonly (readonly [string, unknown])[]>;
}

/** Opens the storage in IndexedDB, which can keep keys that scripts cannot read. */
export function openIndexedDb(): KeyValueStore {
  const store = createStore("e2e-gateway", "console");
  return {
    get: (key) => get(key, store),
    set: (key, value) => set(key, value, store),
    update: (key, change) => update<unknown>(key, change, store),
    delete: (key) => del(key, store),
    entries: async () => (await entries<string, unknown>(store)).filter(([key]) => typeof key === "string"),
  };
}
