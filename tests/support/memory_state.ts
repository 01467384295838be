/** Durable state in memory, for tests: the model of the other stores. */
import { MemoryPush } from "./memory_push.ts";
import type {
  FoundPairing,
  Pairing,
  PairingClaim,
  PairingLimit,
  PendingPairing,
} from "../../src/store/state/pairing_store.ts";
import type { StateStore } from "../../src/store/state/state_store.ts";

/** Pairing code, and the time until which it is found once it is used. */
interface StoredPairing extends Pairing {
  readonly keptUntil?: number | undefined;
}

/** Store that forgets everything at its end. */
export class MemoryState extends MemoryPush implements StateStore {
  readonly #uses = new Map<string, number>();
  readonly #pairings = new Map<string, StoredPairing>();

  /** Counts one use, as {@linkcode StateStore.claimUse} says. */
  claimUse(counter: string, limit: number): Promise<boolean> {
    const uses = this.#uses.get(counter) ?? 0;
    if (uses < limit) this.#uses.set(counter, uses + 1);
    return Promise.resolve(uses < limit);
  }

  /** Takes back one counted use. */
  returnUse(counter: string): Promise<void> {
    this.#uses.set(counter, Math.max(0, (this.#uses.get(counter) ?? 0) - 1));
    return Promise.resolve();
  }

  /** Returns the number of counted uses. */
  readUses(counter: string): Promise<number> {
    return Promise.resolve(this.#uses.get(counter) ?? 0);
  }

  /** Adds a code, as {@linkcode StateStore.addPairing} says. */
  addPairing(pairing: Pairing, { now, max }: PairingLimit): Promise<boolean> {
    const others = this.#pending(now).filter(({ name }) => name !== pairing.name);
    if (others.length >= max) return Promise.resolve(false);
    this.#removeOld(now);
    for (const { kid } of this.#waitingFor(pairing.name)) this.#pairings.delete(kid);
    this.#pairings.set(pairing.kid, pairing);
    return Promise.resolve(true);
  }

  /** Finds a code by the id of its key. */
  findPairing(kid: string, now: number): Promise<FoundPairing | undefined> {
    const stored = this.#pairings.get(kid);
    if (stored === undefined || endOf(stored) <= now) return Promise.resolve(undefined);
    const { keptUntil, ...pairing } = stored;
    return Promise.resolve({ ...pairing, isUsed: keptUntil !== undefined });
  }

  /** Marks a code as used. */
  claimPairing(kid: string, { now, keepUntil }: PairingClaim): Promise<boolean> {
    this.#removeOld(now);
    const pairing = this.#pairings.get(kid);
    if (pairing === undefined || pairing.keptUntil !== undefined) return Promise.resolve(false);
    this.#pairings.set(kid, { ...pairing, keptUntil: keepUntil });
    return Promise.resolve(true);
  }

  /** Makes a used code valid again. */
  returnPairing(kid: string): Promise<void> {
    const pairing = this.#pairings.get(kid);
    if (pairing !== undefined && this.#waitingFor(pairing.name).length === 0) {
      this.#pairings.set(kid, { ...pairing, keptUntil: undefined });
    }
    return Promise.resolve();
  }

  /** Lists the codes that wait for their devices. */
  listPairings(now: number): Promise<readonly PendingPairing[]> {
    const pending = this.#pending(now).map(({ name, record, expires }) => ({ name, record, expires }));
    return Promise.resolve(pending.toSorted((one, other) => one.name < other.name ? -1 : 1));
  }

  /** Removes the codes of a name. */
  removePairings(removed: string): Promise<boolean> {
    const isWaiting = this.#waitingFor(removed).length > 0;
    for (const { kid, name } of this.#pairings.values()) if (name === removed) this.#pairings.delete(kid);
    return Promise.resolve(isWaiting);
  }

  #pending(now: number): StoredPairing[] {
    return [...this.#pairings.values()].filter((stored) => stored.keptUntil === undefined && stored.expires > now);
  }

  #removeOld(now: number): void {
    for (const stored of this.#pairings.values()) if (endOf(stored) <= now) this.#pairings.delete(stored.kid);
  }

  #waitingFor(wanted: string): StoredPairing[] {
    return [...this.#pairings.values()].filter(({ name, keptUntil }) => name === wanted && keptUntil === undefined);
  }
}

function endOf({ keptUntil, expires }: StoredPairing): number {
  return keptUntil ?? expires;
}
