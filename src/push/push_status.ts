/**
 * State of push messages for the operator: the queue, and the devices without anything secret of them.
 *
 * @module
 */
import type { PushStore } from "../store/state/push_store.ts";

/** State of push messages. */
export interface PushStatus {
  /** False where none are sent. */
  readonly enabled: boolean;
  /** Number of messages that wait, or are being sent. */
  readonly queue: number;
  /** Seconds since the oldest of them was added; 0 without one. */
  readonly oldestSeconds: number;
  /** Subscribed devices. */
  readonly devices: readonly PushDevice[];
}

/** Subscribed device. */
export interface PushDevice {
  /** Name of its key. */
  readonly key: string;
  /** Id of its subscription. */
  readonly id: string;
  /** Host and port of its push service. */
  readonly host: string;
  /** Time at which the service last accepted a message, in ISO 8601. */
  readonly lastSuccess?: string | undefined;
  /** Time at which a message was last given up, in ISO 8601. */
  readonly lastFailure?: string | undefined;
}

/**
 * Reads the state.
 *
 * @param now the time, in milliseconds since 1970
 * @throws {Error} if the store cannot be read
 */
export async function readPushStatus(
  store: Pick<PushStore, "listSubscriptions" | "queueState" | "oldestMessage">,
  { enabled, now }: { readonly enabled: boolean; readonly now: number },
): Promise<PushStatus> {
  const [subscriptions, { length }, oldest] = await Promise.all([
    store.listSubscriptions(),
    store.queueState(),
    store.oldestMessage(),
  ]);
  return {
    enabled,
    queue: length,
    oldestSeconds: oldest === undefined ? 0 : Math.max(0, Math.round((now - oldest) / 1000)),
    devices: subscriptions.map(({ key, id, endpoint, lastSuccess, lastFailure }) => ({
      ...{ key, id, host: URL.parse(endpoint)?.host ?? "" },
      lastSuccess: isoTime(lastSuccess),
      lastFailure: isoTime(lastFailure),
    })),
  };
}

function isoTime(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
