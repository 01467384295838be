/**
 * Keys, as far as alerts depend on them.
 *
 * @module
 */
import type { KnownKey } from "../keys/keyring.ts";
import type { PushOwner } from "../store/state/push_store.ts";

/** Keys of the gateway. */
export interface PushKeys {
  /** True while the file, or the list in Redis, is there: then a key that is not listed was removed from it. */
  readonly hasKeysFile: boolean;
  /** Lists all keys of the files, in force or disabled; without those that have expired. */
  list(): readonly KnownKey[];
  /**
   * Calls a function after each change of the list.
   *
   * @returns the function that ends the calls
   */
  watch(run: () => void): () => void;
}

/** Rights of a key in force, and the signal that aborts when they end or change. */
export type KeyGrant = NonNullable<KnownKey["grant"]>;

/** Returns the text that tells owners of rules and subscriptions apart. */
export function ownerId({ key, keyCreated }: PushOwner): string {
  return `${key} ${keyCreated}`;
}

/** Returns the owner alone. */
export function ownerOf({ key, keyCreated }: PushOwner): PushOwner {
  return { key, keyCreated };
}
