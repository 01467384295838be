/**
 * Counts of alerts and of their messages. None has a name or a content.
 *
 * @module
 */
import type { HeldReason } from "./rules/evaluate.ts";

/** Reasons for which an alert or a message does not reach the queue, or leaves it unsent. */
export const ALERT_DROP_REASONS = [
  /** The key has had too many alerts, or its rules take too long: then events are counted. */
  "rate",
  /** Too many messages wait. */
  "queue_full",
  /** The key is disabled, or no longer there, or has another secret. */
  "key",
  /** The state database failed. */
  "store",
] as const;

/** Reason for which an alert or a message does not reach the queue, or leaves it unsent. */
export type AlertDropReason = (typeof ALERT_DROP_REASONS)[number];

/** Recorder of the outcomes between a rule and the queue. */
export interface AlertTelemetry {
  /** Counts messages that wait for being sent. */
  queued(count: number): void;
  /** Counts messages that a newer one of their topic replaced. */
  replaced(count: number): void;
  /** Counts alerts and messages that are given up, by their reason. */
  dropped(reason: AlertDropReason, count: number): void;
  /** Counts due alerts that a rule itself holds back. */
  held(reason: HeldReason): void;
}
