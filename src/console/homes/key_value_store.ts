/**
 * Storage of the page in the browser.
 *
 * @module
 */
import { createStore, del, entries, get, promisifyRequest, set } from "idb-keyval";

/** Values by key, kept by the browser. */
export interface KeyValueStore {
  /** Returns a value; undefined if there is none. */
  get(key: string): Promise<unknown>;
  /** Stores a value. */
  set(key: string, value: unknown): Promise<void>;
  /**
   * Replaces a value by what is made of it if there is a value of another key, its owner. In one step: page and service
   * worker may do so at the same time, and one of them may delete the owner.
   */
  updateOwned(key: string, owner: string, change: (value: unknown) => unknown): Promise<void>;
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
    updateOwned: (key, owner, change) =>
      store("readwrite", async (records) => {
        // Both requests belong to one transaction: nothing is written between them.
        const [count, value] = await Promise.all([
          promisifyRequest(records.count(owner)),
          promisifyRequest<unknown>(records.get(key)),
        ]);
        if (count === 0) return;
        records.put(change(value), key);
        await promisifyRequest(records.transaction);
      }),
    delete: (key) => del(key, store),
    entries: async () => (await entries<string, unknown>(store)).filter(([key]) => typeof key === "string"),
  };
}
