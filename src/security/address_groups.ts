/**
 * Which addresses are counted together, so that no flood of addresses fills the memory.
 *
 * @module
 */

/** An address as it is counted alone, then the networks around it, from narrow to wide. */
export type Networks = readonly [string, ...string[]];

/** A network within which so many addresses and narrower networks are counted alone. */
export interface NetworkLevel {
  /** Bits of its prefix. */
  readonly bits: number;
  /** Most of them; further ones are counted together as the network. */
  readonly most: number;
}

/** The networks around an IPv6 address: a household has a /56 or a /48, a provider a /32. */
export const IPV6_LEVELS: readonly NetworkLevel[] = [
  { bits: 56, most: 16 },
  { bits: 48, most: 64 },
  { bits: 32, most: 1024 },
];

/** The network around an IPv4 address. */
export const IPV4_LEVELS: readonly NetworkLevel[] = [{ bits: 16, most: 1024 }];

/** Most addresses that are counted alone at a time, and as many wide networks besides. */
const MAX_ADDRESSES = 10_000;

/** An address that sends nothing is forgotten after this time, or twice as long: no rate limit counts for longer. */
const FORGET_MS = 60_000;

/** All that is counted neither alone nor with a network. */
const OTHERS = "others";

/**
 * The addresses that send something, each counted alone as long as there is room.
 *
 * A newcomer in a network that is full is counted as that network. An address that is counted alone stays so while it
 * goes on sending: who comes later does not change what it is counted as.
 */
export class AddressGroups {
  readonly #monotonic: () => number;
  /** Those seen since the last turn, and those seen before it and not since, with the networks around them. */
  #current = new Map<string, readonly string[]>();
  #previous = new Map<string, readonly string[]>();
  /** How many of them are in each network. */
  readonly #members = new Map<string, number>();
  #turnAt: number;

  /**
   * Makes it without addresses.
   *
   * @param monotonic a clock that never jumps, in milliseconds
   */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#turnAt = monotonic() + FORGET_MS;
  }

  /** How many addresses and networks are counted now. */
  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  /** Returns what an address is counted as. */
  find(networks: Networks, levels: readonly NetworkLevel[]): string {
    if (this.#monotonic() >= this.#turnAt) this.#turn();
    const [address, ...around] = networks;
    if (this.#current.has(address)) return address;
    // Known ones first: a network that has filled up meanwhile is for newcomers.
    const counted = this.#previous.has(address) ? 0 : this.#findRoom(around, levels);
    const id = networks[counted] ?? OTHERS;
    if (this.#current.has(id)) return id;
    const known = this.#previous.get(id);
    this.#previous.delete(id);
    const wider = known ?? networks.slice(counted + 1);
    if (known === undefined) { for (const network of wider) this.#members.set(network, this.#membersOf(network) + 1); }
    this.#current.set(id, wider);
    return id;
  }

  /** Returns how far out, from the address itself, a newcomer has to be counted. */
  #findRoom(around: readonly string[], levels: readonly NetworkLevel[]): number {
    if (this.size >= 2 * MAX_ADDRESSES) return around.length + 1;
    if (this.size >= MAX_ADDRESSES) return around.length;
    return around.findLastIndex((network, index) => this.#membersOf(network) >= (levels[index]?.most ?? Infinity)) + 1;
  }

  #membersOf(network: string): number {
    return this.#members.get(network) ?? 0;
  }

  /** Forgets those that were not seen since the turn before. */
  #turn(): void {
    const now = this.#monotonic();
    this.#forget(this.#previous);
    this.#previous = this.#current;
    this.#current = new Map();
    if (now >= this.#turnAt + FORGET_MS) {
      this.#forget(this.#previous);
      this.#previous = new Map();
    }
    this.#turnAt = now + FORGET_MS;
  }

  #forget(addresses: ReadonlyMap<string, readonly string[]>): void {
    for (const wider of addresses.values()) {
      for (const network of wider) {
        const left = this.#membersOf(network) - 1;
        if (left > 0) this.#members.set(network, left);
        else this.#members.delete(network);
      }
    }
  }
}
