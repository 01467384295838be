/**
 * Groups of addresses that are counted together, so that a flood of addresses does not exhaust the memory.
 *
 * @module
 */

/** Address to be counted. */
export interface CountedAddress {
  /** Id while it is counted alone. */
  readonly id: string;
  /** Networks that contain it, from narrow to wide; a full one is counted as a whole. */
  readonly levels: readonly NetworkLevel[];
  /** Returns the text of the network with a prefix of so many bits. */
  network(bits: number): string;
}

/** Network with a limited number of addresses and narrower networks that are counted alone. */
export interface NetworkLevel {
  /** Length of its prefix, in bits. */
  readonly bits: number;
  /** Most addresses and networks; further ones are counted together as the network. */
  readonly most: number;
}

/** Networks of an IPv6 address: a household has a /56 or a /48, a provider a /32. */
export const IPV6_LEVELS: readonly NetworkLevel[] = [
  { bits: 56, most: 16 },
  { bits: 48, most: 64 },
  { bits: 32, most: 1024 },
];

/** Network of an IPv4 address. */
export const IPV4_LEVELS: readonly NetworkLevel[] = [{ bits: 16, most: 1024 }];

/** Most addresses that are counted alone at a time, and most wide networks besides. */
const MAX_ADDRESSES = 4000;

/** Time after which an idle address is forgotten, or twice as long: no rate limit counts for longer. */
const FORGET_MS = 60_000;

/** Id of all addresses that are counted neither alone nor with a network. */
const OTHERS = "others";

/**
 * Active addresses, each counted alone up to a limit.
 *
 * A new address in a full network is counted as that network. An address that is counted alone stays so while it is
 * active: later addresses do not change it.
 */
export class AddressGroups {
  readonly #monotonic: () => number;
  /** Addresses seen since the last rotation, and those seen before it and not since, with their networks. */
  #current = new Map<string, readonly string[]>();
  #previous = new Map<string, readonly string[]>();
  /** Number of them in each network. */
  readonly #members = new Map<string, number>();
  #rotateAt: number;

  /**
   * Creates groups without addresses.
   *
   * @param monotonic clock that never jumps, in milliseconds
   */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#rotateAt = monotonic() + FORGET_MS;
  }

  /** Number of addresses and networks that are counted. */
  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  /** Returns the id that an address is counted as. */
  find({ id: ownId, levels, network }: CountedAddress): string {
    if (this.#monotonic() >= this.#rotateAt) this.#rotate();
    if (this.#current.has(ownId)) return ownId;
    const known = this.#previous.get(ownId);
    if (known !== undefined) return this.#keep(ownId, known);
    const around = levels.map(({ bits }) => network(bits));
    const level = this.#findLevel(around, levels);
    const id = [ownId, ...around][level] ?? ownId;
    if (this.#current.has(id)) return id;
    const knownNetwork = this.#previous.get(id);
    if (knownNetwork !== undefined) return this.#keep(id, knownNetwork);
    if (this.size >= 2 * MAX_ADDRESSES) return this.#keep(OTHERS, []);
    const wider = around.slice(level);
    for (const each of wider) this.#members.set(each, this.#membersOf(each) + 1);
    return this.#keep(id, wider);
  }

  /** Keeps an id until the rotation after the next. */
  #keep(id: string, wider: readonly string[]): string {
    this.#previous.delete(id);
    this.#current.set(id, wider);
    return id;
  }

  /** Returns the level at which a new address is counted: 0 for the address itself. */
  #findLevel(around: readonly string[], levels: readonly NetworkLevel[]): number {
    if (this.size >= MAX_ADDRESSES) return around.length;
    return around.findLastIndex((network, index) => this.#membersOf(network) >= (levels[index]?.most ?? Infinity)) + 1;
  }

  #membersOf(network: string): number {
    return this.#members.get(network) ?? 0;
  }

  /** Forgets addresses that were not seen since the previous rotation. */
  #rotate(): void {
    const now = this.#monotonic();
    this.#forget(this.#previous);
    this.#previous = this.#current;
    this.#current = new Map();
    if (now >= this.#rotateAt + FORGET_MS) {
      this.#forget(this.#previous);
      this.#previous = new Map();
    }
    this.#rotateAt = now + FORGET_MS;
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
