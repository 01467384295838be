/**
 * Recent addresses of keys.
 *
 * @module
 */
import { LinkedSet } from "../lib/linked_set.ts";

/** Most addresses of a key: more than a household has networks. */
const MAX_ADDRESSES_OF_KEY = 100;

/** Most keys of an address: more than a household has clients that do not name their key. */
const MAX_KEYS_AT_ADDRESS = 16;

/** Recent pairs of a key and an address. A key that is used from many addresses evicts only its own pairs. */
export class KeyAddresses {
  /** Addresses of each key, the least recently used first. */
  readonly #byKey = new Map<string, LinkedSet<string>>();
  /** Keys of each address, in the same order. */
  readonly #byAddress = new Map<string, LinkedSet<string>>();

  /** Adds a pair, as the most recently used. */
  add(kid: string, address: string): void {
    const addresses = this.#use(this.#byKey, kid, address);
    const keys = this.#use(this.#byAddress, address, kid);
    if (addresses.size > MAX_ADDRESSES_OF_KEY && addresses.first !== undefined) this.#delete(kid, addresses.first);
    if (keys.size > MAX_KEYS_AT_ADDRESS && keys.first !== undefined) this.#delete(keys.first, address);
  }

  /** Returns whether a key was used from an address. */
  has(kid: string, address: string): boolean {
    return this.#byAddress.get(address)?.has(kid) === true;
  }

  /** Returns the keys that were used from an address, the most recently used first. */
  keysAt(address: string): readonly string[] {
    return [...this.#byAddress.get(address)?.backwards() ?? []];
  }

  #use(map: Map<string, LinkedSet<string>>, id: string, other: string): LinkedSet<string> {
    let others = map.get(id);
    if (others === undefined) {
      others = new LinkedSet();
      map.set(id, others);
    }
    others.addLast(other);
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
