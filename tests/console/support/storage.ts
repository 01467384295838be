/** Storage of the page in memory. */
import type { KeyValueStore } from "../../../src/console/homes/key_value_store.ts";

/** Makes a storage; `refuse` makes it refuse values. */
export function makeStorage(
  refuse: (value: unknown) => boolean = () => false,
): { readonly values: Map<string, unknown>; readonly storage: KeyValueStore } {
  const values = new Map<string, unknown>();
  const storage: KeyValueStore = {
    get: (key) => Promise.resolve(values.get(key)),
    set: (key, value) => refuse(value) ? Promise.reject(new DOMException("no", "DataCloneError")) : put(key, value),
    updateOwned: (key, owner, change) => values.has(owner) ? put(key, change(values.get(key))) : Promise.resolve(),
    delete: (key) => Promise.resolve(void values.delete(key)),
    entries: () => Promise.resolve([...values]),
  };
  const put = (key: string, value: unknown) => Promise.resolve(void values.set(key, value));
  return { values, storage };
}
