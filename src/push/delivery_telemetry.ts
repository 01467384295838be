/**
 * Counts of the messages that leave the queue. None has a name or a content.
 *
 * @module
 */

/** Reasons for which a message of the queue is given up. */
export const DELIVERY_DROP_REASONS = [
  /** The service takes no message of that size, though it was shortened. */
  "too_large",
  /** The service does not accept the gateway's identification, or not for this subscription. */
  "unauthorized",
  /** The service refuses the request, or redirects it. */
  "refused",
  /** The service knows no such subscription, which is removed. */
  "gone",
  /** The subscription was removed while the message waited. */
  "removed",
  /** The key of the subscription is disabled, or no longer there. */
  "key",
  /** The host or its address is not, or no longer, allowed. */
  "not_allowed",
  /** The request was sent, and no answer came: the message may have arrived. */
  "unconfirmed",
  /** The gateway was stopped or killed while it was sent: the message may have arrived. */
  "interrupted",
  /** The message cannot be encrypted: its stored form is damaged. */
  "invalid",
] as const;

/** Reason for which a message of the queue is given up. */
export type DeliveryDropReason = (typeof DELIVERY_DROP_REASONS)[number];

/** Recorder of the outcomes of messages. Never throws. */
export interface DeliveryTelemetry {
  /** Counts a message that a push service has accepted. */
  sent(): void;
  /** Counts messages whose lifetime ended before they were sent. */
  expired(count: number): void;
  /** Counts messages that a newer one of their topic replaced. */
  replaced(count: number): void;
  /** Counts messages that are given up, by their reason. */
  dropped(reason: DeliveryDropReason, count: number): void;
}
