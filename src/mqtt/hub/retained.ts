/**
 * The retained messages that a broker sends to those who have just subscribed.
 *
 * @module
 */
import { messageBytes, type ReceivedMessage } from "./received_message.ts";
import { ReceivedTopics } from "./received_topics.ts";
import type { RetainedWindow } from "./subscriptions.ts";

/**
 * How long after the last one a retained message may still come, in milliseconds. MQTT has no sign for the last of
 * them; a later one would be lost only if somebody else subscribes in between.
 */
const SETTLED_MS = 5_000;

/**
 * Most bytes that a broker may send one owner ahead of its grants. What it retains for one filter may come before the
 * grant of the next, and what another owner has asked for just before comes as well.
 */
const MAX_EARLY_BYTES = 32 * 2 ** 20;

/** For whom a snapshot is. */
export interface RetainedDeliveryOptions {
  /** The owner of its members. */
  readonly owner: string;
  /** The offset up to which its members read at least. */
  readonly from: number;
  /** Bytes that came for the owner ahead of grants, in all of its snapshots. */
  readonly earlyBytes: EarlyBytes;
  /** Topics of which the members have a value already; void if it turns out that they have missed something. */
  readonly received?: Iterable<string>;
}

/** Count of bytes that wait for a grant. */
export interface EarlyBytes {
  /** How many there are. */
  bytes: number;
}

/**
 * Retained messages for listeners of one owner that subscribed to the same filters at the same time, from what a broker
 * retains: each topic once, even if the broker sends it for several filters, or again when others subscribe later.
 */
export class RetainedDelivery<Member> {
  /** Those who get it. */
  readonly subscribers: Set<Member> = new Set();
  /** Whose they are. */
  readonly owner: string;
  readonly #topics = new ReceivedTopics();
  /** Those of the topics that the members have already, of which the broker has not sent the retained message yet. */
  readonly #skipped: Set<string>;
  #early = new Map<string, ReceivedMessage>();
  #earlyBytes = 0;
  readonly #ofOwner: EarlyBytes;
  #granted = false;
  #last = 0;
  readonly #from: number;
  #lastOffset: number;

  /** Begins to wait for retained messages. */
  constructor({ owner, from, earlyBytes, received = [] }: RetainedDeliveryOptions) {
    this.owner = owner;
    this.#ofOwner = earlyBytes;
    this.#from = from;
    this.#lastOffset = from;
    this.#skipped = new Set(received);
  }

  /** Where in the order of messages they came, by now. */
  get window(): RetainedWindow {
    return { from: this.#from, last: this.#lastOffset, topics: this.#topics };
  }

  /**
   * Takes a retained message.
   *
   * @param now in milliseconds
   * @returns whether it is for the members, now: not what they have got, and not what comes ahead of the grant
   */
  offer(message: ReceivedMessage, now: number): boolean {
    const { topic, position: { offset } } = message;
    if (this.isSettled(now)) return false;
    if (this.#granted) {
      // The broker is still at it.
      if (this.#skipped.delete(topic)) this.#last = now;
      if (this.#topics.has(topic)) return false;
      this.#note(topic, offset);
      this.#last = now;
      return true;
    }
    if (this.#early.has(topic)) return false;
    this.#early.set(topic, message);
    this.#earlyBytes += messageBytes(message);
    this.#ofOwner.bytes += messageBytes(message);
    return false;
  }

  /** Notes that a newer message on a topic goes to the members: what is retained is no news any more. */
  noteLive(topic: string, offset: number): void {
    if (this.#granted) this.#topics.add(topic, offset);
  }

  /** Whether more came ahead of the owner's grants than can be held. */
  get isOverLimit(): boolean {
    return this.#earlyBytes > 0 && this.#ofOwner.bytes > MAX_EARLY_BYTES;
  }

  /** Drops what came ahead of the grant. */
  discardEarly(): void {
    this.#ofOwner.bytes -= this.#earlyBytes;
    this.#earlyBytes = 0;
    this.#early.clear();
  }

  /**
   * Notes that the broker has granted the subscription.
   *
   * @param isWhole whether the members have missed nothing that they do not get now
   * @returns the messages for them that came ahead of it
   */
  grant(now: number, isWhole: boolean): readonly ReceivedMessage[] {
    // What they have may be outdated: the newer value is among what they missed.
    if (!isWhole) this.#skipped.clear();
    for (const topic of this.#skipped) this.#topics.add(topic, this.#from);
    const early = [...this.#early.values()].filter(({ topic }) => !this.#skipped.delete(topic));
    for (const { topic, position } of early) this.#note(topic, position.offset);
    this.discardEarly();
    this.#granted = true;
    this.#last = now;
    return early;
  }

  /** Tells whether nothing more is to come. */
  isSettled(now: number): boolean {
    return this.#granted && now - this.#last > SETTLED_MS;
  }

  #note(topic: string, offset: number): void {
    this.#topics.add(topic, offset);
    this.#lastOffset = Math.max(this.#lastOffset, offset);
  }
}
