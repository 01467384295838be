/**
 * The retained messages that a broker sends to those who have just subscribed.
 *
 * @module
 */
import { heldBytes, type ReceivedMessage } from "./received_message.ts";
import type { RetainedWindow } from "./subscription.ts";

/**
 * How long after the last one a retained message may still come, in milliseconds. MQTT has no sign for the last of
 * them; a later one would be lost only if somebody else subscribes in between.
 */
const SETTLED_MS = 5_000;

/**
 * Most bytes that a broker may send ahead of its grant. What it retains for one filter may come before the grant of the
 * next, and what somebody else has asked for just before comes as well.
 */
const MAX_EARLY_BYTES = 32 * 2 ** 20;

/**
 * What some listeners, who subscribed to the same filters at the same time, get of what the broker retains: each
 * topic once, even if the broker sends it for several filters, or again when others subscribe later.
 */
export class Snapshot<Member> {
  /** Those who get it. */
  readonly members: Set<Member> = new Set();
  readonly #seen = new Set<string>();
  #early: ReceivedMessage[] = [];
  #earlyBytes = 0;
  #granted = false;
  #last = 0;
  readonly #from: number;
  #lastOffset: number;

  /** Begins to wait for retained messages; they are for those who read up to that offset at least. */
  constructor(from: number) {
    this.#from = from;
    this.#lastOffset = from;
  }

  /** Where in the order of messages they came, by now. */
  get window(): RetainedWindow {
    return { from: this.#from, last: this.#lastOffset };
  }

  /**
   * Takes a retained message.
   *
   * @param now in milliseconds
   * @returns whether it is for the members, now: not what they have got, and not what comes ahead of the grant
   */
  take(message: ReceivedMessage, now: number): boolean {
    if (this.isSettled(now) || this.#seen.has(message.topic)) return false;
    this.#seen.add(message.topic);
    this.#last = now;
    this.#lastOffset = message.position.offset;
    if (this.#granted) return true;
    this.#earlyBytes += heldBytes(message);
    if (this.isFlooded) this.#early = [];
    else this.#early.push(message);
    return false;
  }

  /** Notes that a newer message on a topic goes to the members: what is retained is no news any more. */
  pass(topic: string): void {
    if (this.#granted) this.#seen.add(topic);
  }

  /** Whether more came ahead of the grant than can be held. */
  get isFlooded(): boolean {
    return this.#earlyBytes > MAX_EARLY_BYTES;
  }

  /** Notes that the broker has granted the subscription, and returns the messages that came ahead of it. */
  grant(now: number): readonly ReceivedMessage[] {
    const early = this.#early;
    this.#early = [];
    this.#granted = true;
    this.#last = now;
    return early;
  }

  /** Tells whether nothing more is to come. */
  isSettled(now: number): boolean {
    return this.#granted && now - this.#last > SETTLED_MS;
  }
}
