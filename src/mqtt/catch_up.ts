/**
 * What a listener that comes back has missed, and whether all of it is there.
 *
 * @module
 */
import type { Member } from "./member.ts";
import type { MessageLog } from "./message_log.ts";
import type { ReceivedMessage } from "./received_message.ts";
import { isAmidRetained, isLive, isMeant } from "./subscription.ts";

/**
 * Tells whether a listener that comes back has missed nothing that is not kept, and needs nothing of the broker.
 *
 * @param now in milliseconds
 */
export function canGoOn({ listener: { since, qos }, subscriptions }: Member, log: MessageLog, now: number): boolean {
  return since !== undefined && log.knows(since) && log.reaches(since.offset) &&
    subscriptions.every((one) =>
      // Within what the broker retained, the rest of that is missing.
      isLive(one, since.offset) && !isAmidRetained(one, since.offset, now) && one.qos !== undefined && one.qos >= qos
    );
}

/**
 * Finds what is kept of the messages for a listener, in order.
 *
 * @param kept the messages of its broker after the last one that it got
 */
export function* missedBy(
  member: Member,
  kept: ReturnType<MessageLog["after"]>,
): Generator<ReceivedMessage, void, void> {
  for (const { message, subscriptions } of kept) {
    const own = member.matching(message.topic);
    const [oldest] = own;
    if (oldest === undefined || !isMeant(oldest, subscriptions)) continue;
    // Another one may have been the oldest then, and the listener may have got the message for that.
    const isDoubtful = subscriptions !== undefined && own.length > 1 &&
      !own.every((one) => isLive(one, message.position.offset));
    if (!isDoubtful) yield message;
  }
}
