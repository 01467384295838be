/**
 * What a listener that comes back has missed, and whether all of it is there.
 *
 * @module
 */
import type { SubscriberState } from "./member.ts";
import type { MemoryHistory } from "./memory_history.ts";
import type { ReceivedMessage } from "./received_message.ts";
import { interruptedWindows, isActiveSince, isRecipient } from "./subscriptions.ts";

/**
 * Tells whether a listener has missed nothing after an offset that is not kept.
 *
 * @param source the broker connection, as messages are kept under it
 */
export function canReplay(
  { subscriber, subscriptions }: SubscriberState,
  { history, source, offset }: ReplayOptions,
): boolean {
  return history.reaches(offset, { source, filters: subscriber.filters }) &&
    subscriptions.every((one) => isActiveSince(one, subscriber.owner, offset));
}

/** What is kept, and from where it is needed. */
export interface ReplayOptions {
  /** Where messages are kept. */
  readonly history: MemoryHistory;
  /** The broker connection, as messages are kept under it. */
  readonly source: object;
  /** The offset of the last message that the listener got. */
  readonly offset: number;
}

/**
 * Tells whether a listener that comes back needs nothing of the broker, given that what it missed is covered.
 *
 * @param at the offset of the last message that it got, and the time in milliseconds
 */
export function canResume(
  { subscriber: { qos, owner }, subscriptions }: SubscriberState,
  at: { readonly offset: number; readonly now: number },
): boolean {
  const isEnough = (granted: number | undefined) => granted !== undefined && granted >= qos;
  return subscriptions.every((one) =>
    // Within what the broker retained, the rest of that is missing.
    isEnough(one.grantedQos) && isEnough(one.owners.get(owner)?.grantedQos) &&
    interruptedWindows(one, owner, at).length === 0
  );
}

/**
 * Finds the topics of which a listener that left amid retained messages has a value for certain, given that what it
 * missed since is covered.
 *
 * @param at the offset of the last message that it got, and the time in milliseconds
 */
export function receivedTopics(
  { subscriber: { owner }, subscriptions }: SubscriberState,
  at: { readonly offset: number; readonly now: number },
): string[] {
  const windows = subscriptions.flatMap((one) => interruptedWindows(one, owner, at));
  const [first, ...others] = new Set(windows.map(({ topics }) => topics));
  // The position alone does not tell in which of them it was.
  return first?.upTo(at.offset).filter((topic) => others.every((other) => other?.has(topic, at.offset))) ?? [];
}

/**
 * Finds what is kept of the messages for a listener, in order. What came while its owner did not listen is not for it.
 *
 * @param kept the messages of its broker after the last one that it got
 */
export function* missedMessages(
  member: SubscriberState,
  kept: ReturnType<MemoryHistory["after"]>,
): Generator<ReceivedMessage, void, void> {
  const { owner } = member.subscriber;
  for (const { message, subscriptions } of kept) {
    const own = member.matching(message.topic);
    const [oldest] = own;
    if (oldest === undefined || !isRecipient(oldest, subscriptions)) continue;
    const held = own.filter((one) => isActiveSince(one, owner, message.position.offset)).length;
    // Another one may have been the oldest then, and the listener may have got the message for that.
    const isDoubtful = subscriptions !== undefined && held < own.length;
    if (held > 0 && !isDoubtful) yield message;
  }
}
