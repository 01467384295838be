/**
 * Recent addresses of keys.
 *
 * @module
 */
import { LruCache } from "../lib/lru_cache.ts";

/** Most addresses of a key: more than a household has networks. */
const MAX_ADDRESSES_OF_KEY = 100;

/** Most keys of an address: more than a household has clients that do not name their key. */
const MAX_KEYS_AT_ADDRESS = 16;

/** Recent pairs of a key and an address. A key that is used from many addresses evicts only its own pairs. */
export class KeyAddresses {
  readonly #byKey = new Map<string, LruCache<string, true>>();
  readonly #byAddress = new Map<string, LruCache<string, true>>();

  /** Adds a pair, as the most recently used. */
  add(kid: string, address: string): void {
    const addresses = this.#use(this.#byKey, kid, address);
    const keys = this.#use(this.#byAddress, address, kid);
    if (addresses.size > MAX_ADDRESSES_OF_KEY && addresses.oldest !== undefined) this.#delete(kid, addresses.oldest);
    if (keys.size > MAX_KEYS_AT_ADDRESS && keys.oldest !== undefined) this.#delete(keys.oldest, address);
  }

  /** Returns whether a key was used from an address. */
  has(kid: string, address: string): boolean {
    return this.#byAddress.get(address)?.has(kid) === true;
  }

  /** Returns the keys that were used from an address, the most recently used first. */
  keysAt(address: string): readonly string[] {
    return this.#byAddress.get(address)?.keys() ?? [];
  }

  #use(map: Map<string, LruCache<string, true>>, id: string, other: string): LruCache<string, true> {
    let others = map.get(id);
    if (others === undefined) {
      others = new LruCache(Infinity);
      map.set(id, others);
    }
    others.set(other, true);
    return others;
  }

  #delete(kid: string, address: string): void {
    for (const [map, id, other] of [[this.#byKey, kid, address], [this.#byAddress, address, kid]] as const) {
      const others = map.get(id);
      others?.delete(other);
      if (others?.size === 0) map.delete(id);
    }
  }
}
