/**
 * Homes that this device is paired with, and what the page remembers of each.
 *
 * @module
 */
import { type Home, homeId, isHome } from "./home.ts";
import type { KeyValueStore } from "./key_value_store.ts";

const MEMORIES = ["seen", "actions", "pins", "series", "push", "shown"] as const;

/** Content that is kept for each home besides its key; forgotten with it. */
export type Memory = (typeof MEMORIES)[number];

/** Preference of the page. */
export type Preference = "language" | "current";

const HOME = "home/";
const PREFERENCE = "preference/";

/** Store of homes. */
export class HomeStore {
  readonly #store: KeyValueStore;

  /** Makes the store above the browser's storage. */
  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** Lists the homes, the oldest first. */
  async list(): Promise<readonly Home[]> {
    const homes = (await this.#store.entries()).flatMap(([key, value]) =>
      key.startsWith(HOME) && isHome(value) ? [value] : []
    );
    return homes.sort((one, other) => one.pairedAt - other.pairedAt);
  }

  /** Stores a home. */
  async save(home: Home): Promise<void> {
    await this.#store.set(HOME + homeId(home), home);
  }

  /** Deletes a home, and all that is kept for it. */
  async forget(home: Home): Promise<void> {
    const id = homeId(home);
    // First: from then on `change()` stores nothing.
    await this.#store.delete(HOME + id);
    await Promise.all(MEMORIES.map((memory) => this.#store.delete(`${memory}/${id}`)));
    if (await this.preference("current") === id) await this.#store.delete(`${PREFERENCE}current`);
  }

  /** Returns what is kept for a home, yet to be checked. */
  async recall(home: Home, memory: Memory): Promise<unknown> {
    return await this.#store.get(`${memory}/${homeId(home)}`);
  }

  /** Keeps something for a home, unless it was forgotten, also meanwhile or by another tab. */
  async remember(home: Home, memory: Memory, value: unknown): Promise<void> {
    await this.change(home, memory, () => value);
  }

  /** Replaces what is kept for a home by what is made of it, in one step, unless it was forgotten. */
  async change(home: Home, memory: Memory, make: (value: unknown) => unknown): Promise<void> {
    const id = homeId(home);
    await this.#store.updateOwned(`${memory}/${id}`, HOME + id, make);
  }

  /** Returns a preference, yet to be checked. */
  async preference(name: Preference): Promise<unknown> {
    return await this.#store.get(PREFERENCE + name);
  }

  /** Stores a preference. */
  async prefer(name: Preference, value: string): Promise<void> {
    await this.#store.set(PREFERENCE + name, value);
  }

  /**
   * Checks that a key can be kept, before a pairing code is spent: private windows of some browsers refuse keys, others all
   * storage.
   *
   * @throws the browser's reason if it cannot
   */
  async checkKeys(): Promise<void> {
    const probe = await crypto.subtle.importKey("raw", new Uint8Array(32), "HKDF", false, ["deriveKey"]);
    await this.#store.set("probe", probe);
    try {
      if (!(await this.#store.get("probe") instanceof CryptoKey)) throw new TypeError("Storage does not keep keys");
    } finally {
      await this.#store.delete("probe");
    }
  }
}
