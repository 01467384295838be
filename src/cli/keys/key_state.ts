/**
 * Whether a key works, in words.
 *
 * @module
 */
import type { KeyRecord } from "../../keys/schema.ts";
import { formatDuration } from "./duration.ts";

/** The part of a record that decides whether the key works. */
export type KeyLife = Pick<KeyRecord, "disabled" | "expires" | "minProtocol" | "previous">;

/**
 * Says why a key does not work.
 *
 * @param now the time, in milliseconds since 1970
 * @returns `disabled` or `expired`, or undefined for one that works
 */
export function whyDead({ disabled, expires }: KeyLife, now: number): "disabled" | "expired" | undefined {
  if (disabled) return "disabled";
  return expires !== undefined && expires <= now ? "expired" : undefined;
}

/**
 * Tells how long the secret before the last rotation still works.
 *
 * @param now the time, in milliseconds since 1970
 * @returns milliseconds; 0 when there is none, or its time is over
 */
export function overlapLeft({ previous }: KeyLife, now: number): number {
  return previous === undefined ? 0 : Math.max(0, previous.until - now);
}

/**
 * Describes a key's state in one or more remarks.
 *
 * @param now the time, in milliseconds since 1970
 */
export function describeState(life: KeyLife, now: number): string[] {
  const dead = whyDead(life, now);
  if (dead !== undefined) return [dead];
  const remarks: string[] = [];
  if (life.minProtocol > 1) remarks.push(`version ${life.minProtocol} only`);
  if (life.expires !== undefined) remarks.push(`expires in ${formatDuration(life.expires - now)}`);
  const overlap = overlapLeft(life, now);
  if (overlap > 0) remarks.push(`rotated: old secret for ${formatDuration(overlap)}`);
  return remarks.length === 0 ? ["active"] : remarks;
}
