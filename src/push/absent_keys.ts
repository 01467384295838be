/**
 * Keys that own rules or subscriptions and are in no key file: removed, or missing by an accident, such as a volume
 * that is not mounted.
 *
 * @module
 */
import { DEFAULT_KEY_NAME } from "../keys/schema.ts";
import type { KnownKey } from "../keys/keyring.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../observability/log.ts";
import type { Absence, PushOwner, PushStore, StoredSubscription } from "../store/state/push_store.ts";
import { ownerId, ownerOf, type PushKeys } from "./push_keys.ts";

/** Parts that absences are found with. */
export interface AbsentKeysOptions {
  /** Store of what keys own. */
  readonly store: Pick<PushStore, "listOwners" | "listSubscriptions" | "setAbsences">;
  /** Keys of the gateway. */
  readonly keys: Pick<PushKeys, "hasKeysFile">;
  /** Clock. */
  readonly clock: Pick<Clock, "now" | "monotonic">;
  /** Logger for what is kept. */
  readonly log: Pick<Log, "warn">;
}

/** What has no key any more. */
export interface Orphans {
  /** Keys whose possessions are to be removed. */
  readonly owners: readonly PushOwner[];
  /** Ids of subscriptions that are to be removed. */
  readonly subscriptions: readonly string[];
}

/** Time for which what an absent key owns is kept, in milliseconds: 30 days. */
const KEPT_MS = 30 * 24 * 60 * 60_000;

/**
 * Least time for which this process itself has missed the key, in milliseconds: a day. The clock may have been wrong at
 * an earlier start, or be set now.
 */
const MISSED_MS = 24 * 60 * 60_000;

/** Tells removed keys from those that are missing. */
export class AbsentKeys {
  readonly #options: AbsentKeysOptions;
  readonly #startedAt: number;
  /** Keys, and their secrets, that were there at some time since the start. */
  readonly #seen = new Set<string>();
  /** Absent keys and secrets that were found last, with the monotonic time since which they are missed. */
  #missed: ReadonlyMap<string, number> = new Map();

  /** Has seen no keys yet. */
  constructor(options: AbsentKeysOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  /** Notes the keys that are there now. */
  see(keys: ReadonlyMap<string, KnownKey>): void {
    for (const [id, { kid }] of keys) this.#seen.add(id).add(`${id} ${kid}`);
  }

  /**
   * Finds what is to be removed now: at once what belongs to a key or a secret whose removal this process has seen; what
   * belongs to one that is missing for another reason, after 30 days. Another gateway with the same store may have read a
   * new key, or the new secret of a key, before this one.
   *
   * @param currentKeys returns the keys that are there, by owner
   */
  async findOrphans(currentKeys: () => ReadonlyMap<string, KnownKey>): Promise<Orphans> {
    const { store, clock } = this.#options;
    const [allOwners, allSubscriptions] = [await store.listOwners(), await store.listSubscriptions()];
    // Only now, as a key may have been added meanwhile.
    const keys = currentKeys();
    const owners = allOwners.filter((one) => !keys.has(ownerId(one)));
    const subscriptions = allSubscriptions.filter((one) => {
      const key = keys.get(ownerId(one));
      return key !== undefined && key.kid !== one.kid;
    });
    const absences = new Map<string, Absence>();
    for (const one of owners) {
      if (!this.#isRemoved(one)) absences.set(ownerId(one), { ...ownerOf(one), kid: "" });
    }
    for (const one of subscriptions) {
      if (!this.#isReplaced(one)) absences.set(secretId(one), { ...ownerOf(one), kid: one.kid });
    }
    const now = clock.now();
    const since = await store.setAbsences([...absences.values()], now);
    this.#miss(absences);
    const isKept = (id: string, start = now) =>
      now - start < KEPT_MS || clock.monotonic() - (this.#missed.get(id) ?? Infinity) < MISSED_MS;
    const kept = new Set([...absences.keys()].filter((id, index) => isKept(id, since[index])));
    return {
      owners: owners.filter((one) => !kept.has(ownerId(one))).map(ownerOf),
      subscriptions: subscriptions.filter((one) => !kept.has(secretId(one))).map(({ id }) => id),
    };
  }

  /** Returns whether an absent key was removed. The key `default` has a file of its own, which may be missing, too. */
  #isRemoved(owner: PushOwner): boolean {
    return owner.key !== DEFAULT_KEY_NAME && this.#options.keys.hasKeysFile && this.#seen.has(ownerId(owner));
  }

  /**
   * Returns whether a key got another secret than a subscription has. A new key `default` may be one by an accident, and
   * another gateway with the same store may have read a new secret before this one.
   */
  #isReplaced(subscription: StoredSubscription): boolean {
    const isOld = subscription.key !== DEFAULT_KEY_NAME && subscription.created < this.#startedAt;
    return isOld || this.#seen.has(secretId(subscription));
  }

  /** Notes what is missed, and reports what was not missed before. */
  #miss(absences: ReadonlyMap<string, Absence>): void {
    const now = this.#options.clock.monotonic();
    const before = this.#missed;
    this.#missed = new Map([...absences.keys()].map((id) => [id, before.get(id) ?? now]));
    for (const [id, { key, kid }] of absences) {
      if (before.has(id)) continue;
      this.#options.log.warn(
        kid === ""
          ? "Rules and devices of the key {key} get no alerts, and are deleted after 30 days: it is missing or has expired"
          : "Devices of the key {key} get no alerts, and are deleted after 30 days: it has another secret",
        { key },
      );
    }
  }
}

function secretId(subscription: StoredSubscription): string {
  return `${ownerId(subscription)} ${subscription.kid}`;
}
