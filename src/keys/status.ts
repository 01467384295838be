/**
 * Status of a key: usable, disabled, expired, about to expire, or rotated.
 *
 * @module
 */
import { formatDuration } from "./duration.ts";
import type { KeyRecord } from "./schema.ts";

/** Fields of a record that decide its status. */
export type KeyStatusFields = Pick<KeyRecord, "disabled" | "expires" | "minProtocol" | "previous">;

/**
 * Returns the reason why a key is unusable; undefined if it is usable.
 *
 * @param now the time, in milliseconds since 1970
 */
export function unusableReason(
  { disabled, expires }: Pick<KeyStatusFields, "disabled" | "expires">,
  now: number,
): "disabled" | "expired" | undefined {
  if (disabled) return "disabled";
  return expires !== undefined && expires <= now ? "expired" : undefined;
}

/**
 * Returns the time for which the secret before the last rotation stays valid, in milliseconds; 0 if it is not valid.
 *
 * @param now the time, in milliseconds since 1970
 */
export function overlapLeft({ previous }: Pick<KeyStatusFields, "previous">, now: number): number {
  return previous === undefined ? 0 : Math.max(0, previous.until - now);
}

/**
 * Describes the status of a key in one or more remarks.
 *
 * @param now the time, in milliseconds since 1970
 */
export function describeState(fields: KeyStatusFields, now: number): string[] {
  const reason = unusableReason(fields, now);
  if (reason !== undefined) return [reason];
  const remarks: string[] = [];
  if (fields.minProtocol > 1) remarks.push(`version ${fields.minProtocol} only`);
  if (fields.expires !== undefined) remarks.push(`expires in ${formatDuration(fields.expires - now)}`);
  const overlap = overlapLeft(fields, now);
  if (overlap > 0) remarks.push(`rotated: old secret for ${formatDuration(overlap)}`);
  return remarks.length === 0 ? ["active"] : remarks;
}

const DAY_MS = 86_400_000;

/** Longest notice before an expiry, in milliseconds: an operator may be absent for two weeks. */
const MAX_NOTICE_MS = 14 * DAY_MS;

/** Share of a lifetime: otherwise a key for three days would be about to expire from the start. */
const NOTICE_SHARE = 0.2;

/**
 * Returns the time before its expiry from which a key is about to expire, in milliseconds: 20 % of its lifetime, at most 14
 * days. The lifetime is from its creation to its current expiry, also if that was changed.
 */
export function expiryNotice({ created, expires }: Pick<KeyRecord, "created"> & { readonly expires: number }): number {
  return Math.min(MAX_NOTICE_MS, NOTICE_SHARE * Math.max(0, expires - created));
}
