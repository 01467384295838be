/**
 * Notice before the end of a key.
 *
 * @module
 */
import type { KeyRecord } from "./schema.ts";

const DAY_MS = 86_400_000;

/** Longest notice, in milliseconds: an owner may be away for two weeks. */
const LONGEST_NOTICE_MS = 14 * DAY_MS;

/** Share of a key's life: without it, a guest's key of three days would be near its end from the start. */
const LAST_SHARE = 0.2;

/**
 * Returns the time before its end from which a key is near it, in milliseconds: the smaller of 14 days and 20 % of its
 * life. Its life is from its creation to its present end, also when that was moved.
 */
export function expiryNotice({ created, expires }: Pick<KeyRecord, "created"> & { readonly expires: number }): number {
  return Math.min(LONGEST_NOTICE_MS, LAST_SHARE * Math.max(0, expires - created));
}
