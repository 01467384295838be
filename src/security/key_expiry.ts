/**
 * When the end of a key is near enough to tell its owner.
 *
 * @module
 */
import type { KeyRecord } from "./key_record.ts";

const DAY_MS = 86_400_000;

/** Time for an owner to come home from a journey, in milliseconds. */
const LONGEST_NOTICE_MS = 14 * DAY_MS;

/** Part of a key's life that is its last: a guest's key of three days is not told of while its first day runs. */
const LAST_PART = 0.2;

/**
 * Returns the time before its end from which a key is told of, in milliseconds: the smaller of 14 days and 20 % of its
 * life, which is from when it was made to its present end. So a key whose end was moved is told of for longer.
 */
export function expiryNotice({ created, expires }: Pick<KeyRecord, "created"> & { readonly expires: number }): number {
  return Math.min(LONGEST_NOTICE_MS, LAST_PART * Math.max(0, expires - created));
}
