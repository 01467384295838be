/**
 * Which addresses are counted together, so that no flood of addresses fills the memory.
 *
 * @module
 */

/** An address to be counted. */
export interface CountedAddress {
  /** What it is counted as alone. */
  readonly id: string;
  /** The networks around it that are counted together when they are full, from narrow to wide. */
  readonly levels: readonly NetworkLevel[];
  /** Returns the text of the network with so many bits around it. */
  network(bits: number): string;
}

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
const MAX_ADDRESSES = 4000;

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
  find({ id: alone, levels, network }: CountedAddress): string {
    if (this.#monotonic() >= this.#turnAt) this.#turn();
    if (this.#current.has(alone)) return alone;
    const known = this.#previous.get(alone);
    if (known !== undefined) return this.#keep(alone, known);
    const around = levels.map(({ bits }) => network(bits));
    const counted = this.#findRoom(around, levels);
    const id = [alone, ...around][counted] ?? alone;
    if (this.#current.has(id)) return id;
    const knownNetwork = this.#previous.get(id);
    if (knownNetwork !== undefined) return this.#keep(id, knownNetwork);
    if (this.size >= 2 * MAX_ADDRESSES) return this.#keep(OTHERS, []);
    const wider = around.slice(counted);
    for (const one of wider) this.#members.set(one, this.#membersOf(one) + 1);
    return this.#keep(id, wider);
  }

  /** Keeps one until the turn after the next. */
  #keep(id: string, wider: readonly string[]): string {
    this.#previous.delete(id);
    this.#current.set(id, wider);
    return id;
  }

  /** Returns how far out, from the address itself, a newcomer has to be counted. */
  #findRoom(around: readonly string[], levels: readonly NetworkLevel[]): number {
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
