/**
 * Links of the demo that open its page already paired: the last one of each kind works at any time.
 *
 * @module
 */
import { createPairing, MAX_PENDING_PAIRINGS, type PendingKey } from "../keys/pairing_code.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { formatPairingLink } from "../protocol/pairing_link.ts";
import type { Pairing, PairingStore } from "../store/state/pairing_store.ts";

/** Links, and what they need. */
export interface PairingLinksOptions {
  /** Address of the page. */
  readonly url: string;
  /** Store of the gateway. */
  readonly pairings: Pick<PairingStore, "addPairing" | "findPairing">;
  /** Returns the time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Source of the codes. */
  readonly random: RandomBytes;
}

/** Key that a device gets by a link. */
export type LinkedKey = Pick<PendingKey, "name" | "rights"> & {
  /** Time for which it is valid, in milliseconds; always by default. */
  readonly validMs?: number;
};

/** Link that works once. */
export interface OneTimeLink {
  /** Link. */
  readonly link: string;
  /** Returns true once it has been used, or has expired. */
  readonly isSpent: () => Promise<boolean>;
}

/** Makes links. */
export class PairingLinks {
  readonly #options: PairingLinksOptions;
  readonly #counts = new Map<string, number>();

  /** Makes links for a gateway. */
  constructor(options: PairingLinksOptions) {
    this.#options = options;
  }

  /** Makes a link for a key. A number follows the names of further keys, as each key has a name of its own. */
  async create({ name: base, rights, validMs }: LinkedKey): Promise<OneTimeLink> {
    const { url, pairings, now, random } = this.#options;
    const count = (this.#counts.get(base) ?? 0) + 1;
    this.#counts.set(base, count);
    const name = count === 1 ? base : `${base}-${count}`;
    const key: PendingKey = {
      name,
      created: now(),
      disabled: false,
      minProtocol: 2,
      rights,
      expires: validMs === undefined ? undefined : now() + validMs,
    };
    const { code, pairing } = await createPairing({ name, key, now: now(), random });
    await pairings.addPairing(pairing, { now: now(), max: MAX_PENDING_PAIRINGS });
    return { link: formatPairingLink({ url, code }), isSpent: () => this.#isSpent(pairing) };
  }

  async #isSpent({ kid }: Pairing): Promise<boolean> {
    const { pairings, now } = this.#options;
    const found = await pairings.findPairing(kid, now());
    return found === undefined || found.isUsed;
  }
}
