/**
 * Counts of alerts and push messages, and the state of the queue, as metrics.
 *
 * @module
 */
import type { MetricRegistry } from "../observability/telemetry.ts";
import type { PushStore } from "../store/state/push_store.ts";
import { ALERT_DROP_REASONS, type AlertDropReason, type AlertTelemetry } from "./alert_telemetry.ts";
import { DELIVERY_DROP_REASONS, type DeliveryDropReason, type DeliveryTelemetry } from "./delivery_telemetry.ts";
import type { HeldReason } from "./rules/evaluate.ts";

/** Reason for which an alert or a message is given up. */
export type PushDropReason = AlertDropReason | DeliveryDropReason;

const HELD_REASONS: readonly HeldReason[] = ["interval", "quiet"];

/** Counts of what became of alerts and messages since the start. */
export class PushCounts implements AlertTelemetry, DeliveryTelemetry {
  readonly #dropped = new Map<PushDropReason, number>(
    [...ALERT_DROP_REASONS, ...DELIVERY_DROP_REASONS].map((reason) => [reason, 0]),
  );
  readonly #held = new Map<HeldReason, number>(HELD_REASONS.map((reason) => [reason, 0]));
  #queued = 0;
  #sent = 0;
  #replaced = 0;
  #expired = 0;

  /** Counts messages that wait for being sent. */
  queued(count: number): void {
    this.#queued += count;
  }

  /** Counts a message that a push service has accepted. */
  sent(): void {
    this.#sent += 1;
  }

  /** Counts messages that a newer one of their topic replaced. */
  replaced(count: number): void {
    this.#replaced += count;
  }

  /** Counts messages whose lifetime ended before they were sent. */
  expired(count: number): void {
    this.#expired += count;
  }

  /** Counts alerts and messages that are given up, by their reason. */
  dropped(reason: PushDropReason, count: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count);
  }

  /** Counts due alerts that a rule itself holds back. */
  held(reason: HeldReason): void {
    this.#held.set(reason, (this.#held.get(reason) ?? 0) + 1);
  }

  /** Registers the counts as metrics. */
  register(metrics: MetricRegistry): void {
    metrics.counter({
      name: "e2e_gateway_push_queued_total",
      help: "Push messages that were added to the queue",
      read: () => this.#queued,
    });
    metrics.counter({
      name: "e2e_gateway_push_sent_total",
      help: "Push messages that a push service has accepted",
      read: () => this.#sent,
    });
    metrics.counter({
      name: "e2e_gateway_push_replaced_total",
      help: "Push messages that a newer one of their topic replaced before they were sent",
      read: () => this.#replaced,
    });
    metrics.counter({
      name: "e2e_gateway_push_expired_total",
      help: "Push messages whose lifetime ended before they were sent",
      read: () => this.#expired,
    });
    metrics.counter({
      name: "e2e_gateway_push_dropped_total",
      help: "Alerts and push messages that were given up, by reason",
      label: "reason",
      read: () => this.#dropped,
    });
    metrics.counter({
      name: "e2e_gateway_push_held_total",
      help: "Due alerts that their rule held back, by reason",
      label: "reason",
      read: () => this.#held,
    });
  }
}

/** Registers the state of the queue as metrics. */
export function registerQueueGauges(
  metrics: MetricRegistry,
  { store, now }: {
    /** Store with the messages. */
    readonly store: Pick<PushStore, "queueState" | "oldestMessage">;
    /** Wall clock, in milliseconds since 1970. */
    readonly now: () => number;
  },
): void {
  metrics.gauge({
    name: "e2e_gateway_push_queue",
    help: "Push messages that wait for being sent, or are being sent",
    read: async () => (await store.queueState()).length,
  });
  metrics.gauge({
    name: "e2e_gateway_push_oldest_seconds",
    help: "Seconds since the oldest of these messages was added; 0 without one",
    read: async () => {
      const added = await store.oldestMessage();
      return added === undefined ? 0 : Math.max(0, (now() - added) / 1000);
    },
  });
}
