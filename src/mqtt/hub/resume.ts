/**
 * Decides whether a subscriber can resume, and what it missed.
 *
 * @module
 */
import type { EventHistory, HistoryEntry } from "./history.ts";
import type { ReceivedMessage } from "./received_message.ts";
import type { SubscriberState } from "./subscriber.ts";
import { interruptedWindows, isActiveSince, isRecipient } from "./subscriptions.ts";

/** History to replay from. */
export interface ReplayOptions {
  /** History of all messages. */
  readonly history: EventHistory;
  /** Broker connection, as the history stores it. */
  readonly source: object;
  /** Offset of the last message that the subscriber got. */
  readonly offset: number;
}

/** Returns whether the history has all messages for a subscriber after an offset. */
function canReplay(
  { subscriber, subscriptions }: SubscriberState,
  { history, source, offset }: ReplayOptions,
): boolean {
  return history.isCompleteAfter(offset, { source, filters: subscriber.filters }) &&
    subscriptions.every((subscription) => isActiveSince(subscription, subscriber.owner, offset));
}

/** Point from which a subscriber gets messages. */
export interface StartPoint {
  /** Offset after which it gets all messages that are kept. */
  readonly offset: number;
  /** Offset to tell: no message that follows has it or a lower one. */
  readonly told: number;
  /** True if all of them are kept. */
  readonly isComplete: boolean;
}

/**
 * Returns the point from which a subscriber gets messages.
 *
 * @param options history of its broker connection, and the offset of the request to the broker
 */
export function startPoint(
  state: SubscriberState,
  { history, source, from }: Omit<ReplayOptions, "offset"> & { readonly from: number },
): StartPoint {
  // It goes on, and only gets retained messages.
  if (state.isActive) return { offset: from, told: from, isComplete: true };
  const { since } = state.subscriber;
  const isReconnecting = state.status === "offline";
  const isKnown = !isReconnecting && since !== undefined && history.includes(since);
  const offset = isKnown ? since.offset : from;
  const isComplete = !isReconnecting && (since === undefined || isKnown) &&
    canReplay(state, { history, source, offset });
  // Another replica may have assigned higher offsets since the last entry of a log.
  return { offset, told: Math.min(offset, from, history.position.offset), isComplete };
}

/** Point at which a subscriber resumes. */
export interface ResumePoint {
  /** Offset of the last message that it got. */
  readonly offset: number;
  /** Current time, in milliseconds. */
  readonly now: number;
}

/** Returns whether a subscriber resumes without a new SUBSCRIBE, provided that the missed messages can be replayed. */
export function canResume(
  { subscriber: { qos, owner }, subscriptions }: SubscriberState,
  point: ResumePoint,
): boolean {
  const isEnough = (granted: number | undefined) => granted !== undefined && granted >= qos;
  return subscriptions.every((subscription) =>
    isEnough(subscription.grantedQos) && isEnough(subscription.owners.get(owner)?.grantedQos) &&
    // Otherwise the rest of the retained messages is missing.
    interruptedWindows(subscription, owner, point).length === 0
  );
}

/**
 * Returns the topics of which a subscriber that left during a retained delivery certainly has a value, provided that
 * the missed messages can be replayed.
 */
export function receivedTopics(
  { subscriber: { owner }, subscriptions }: SubscriberState,
  point: ResumePoint,
): string[] {
  const windows = subscriptions.flatMap((subscription) => interruptedWindows(subscription, owner, point));
  const [first, ...others] = new Set(windows.map(({ topics }) => topics));
  // The position does not show which of the deliveries the subscriber was part of.
  return first?.upTo(point.offset).filter((topic) => others.every((other) => other?.has(topic, point.offset))) ?? [];
}

/**
 * Iterates over the messages for a subscriber in order, without those from before its owner subscribed.
 *
 * @param entries history of its broker connection after the last message that it got
 */
export function* missedMessages(
  state: SubscriberState,
  entries: Iterable<HistoryEntry>,
): Generator<ReceivedMessage, void, void> {
  const { owner } = state.subscriber;
  for (const { message, subscriptions } of entries) {
    const oldest = state.oldestMatch(message.topic);
    if (oldest === undefined || !isRecipient(oldest, subscriptions)) continue;
    const matching = state.matching(message.topic);
    const active = matching.filter((one) => isActiveSince(one, owner, message.position.offset)).length;
    // Another subscription may have been the oldest then, and its delivery the one that was passed.
    const isDoubtful = subscriptions !== undefined && active < matching.length;
    if (active > 0 && !isDoubtful) yield message;
  }
}
