/**
 * Recent addresses of keys.
 *
 * @module
 */

/** Most addresses of a key: more than a household has networks. */
const MAX_ADDRESSES_OF_KEY = 100;

/** Most keys of an address: more than a household has clients that do not name their key. */
const MAX_KEYS_AT_ADDRESS = 16;

/** Recent pairs of a key and an address. A key that is used from many addresses evicts only its own pairs. */
export class KeyAddresses {
  readonly #byKey = new Map<string, Set<string>>();
  /** Keys of each address, the most recently used last. */
  readonly #byAddress = new Map<string, Set<string>>();

  /** Adds a pair, as the most recently used. */
  add(kid: string, address: string): void {
    const keys = this.#byAddress.get(address) ?? new Set();
    const addresses = this.#byKey.get(kid) ?? new Set();
    moveToEnd(keys, kid);
    moveToEnd(addresses, address);
    this.#byAddress.set(address, keys);
    this.#byKey.set(kid, addresses);
    const [oldestAddress] = addresses;
    if (addresses.size > MAX_ADDRESSES_OF_KEY && oldestAddress !== undefined) this.#delete(kid, oldestAddress);
    const [oldestKey] = keys;
    if (keys.size > MAX_KEYS_AT_ADDRESS && oldestKey !== undefined) this.#delete(oldestKey, address);
  }

  /** Returns whether a key was used from an address. */
  has(kid: string, address: string): boolean {
    return this.#byAddress.get(address)?.has(kid) === true;
  }

  /** Returns the keys that were used from an address, the most recently used first. */
  keysAt(address: string): readonly string[] {
    return [...this.#byAddress.get(address) ?? []].toReversed();
  }

  #delete(kid: string, address: string): void {
    for (const [map, id, other] of [[this.#byKey, kid, address], [this.#byAddress, address, kid]] as const) {
      const set = map.get(id);
      set?.delete(other);
      if (set?.size === 0) map.delete(id);
    }
  }
}

function moveToEnd(set: Set<string>, item: string): void {
  set.delete(item);
  set.add(item);
}
