/**
 * Retained messages, which a broker sends after each SUBSCRIBE.
 *
 * @module
 */
import { LinkedSet } from "../../lib/linked_set.ts";
import { messageBytes, type ReceivedMessage } from "./received_message.ts";

/**
 * Longest pause before a further retained message, in milliseconds. MQTT does not mark the last one; a later one is
 * lost only if another subscriber asks for the same filter in between.
 */
const SETTLED_MS = 5_000;

/**
 * Most bytes of retained messages that wait for SUBACKs of one owner. Those of one filter may arrive before the SUBACK
 * of the next, and so may those of another owner's earlier request.
 */
const MAX_EARLY_BYTES = 32 * 2 ** 20;

/** Memory that a topic takes beside its text, and a set of topics beside its entries, in bytes. */
const TOPIC_OVERHEAD_BYTES = 64;

/** Part of the order of messages in which a broker sent retained ones. */
export interface RetainedWindow {
  /** Offset from which its subscribers received messages. */
  readonly from: number;
  /** Offset of the last retained message. */
  readonly last: number;
  /** Topics of the retained messages, while they are stored. */
  readonly topics?: ReceivedTopics;
}

/** Topics that the subscribers of a retained delivery have a value of, each with the offset of the first one. */
export class ReceivedTopics {
  #offsets: Map<string, number> | undefined = new Map();
  #bytes = TOPIC_OVERHEAD_BYTES;

  /** Memory that the topics take, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a topic, unless it is there. */
  add(topic: string, offset: number): void {
    if (this.#offsets === undefined || this.#offsets.has(topic)) return;
    this.#offsets.set(topic, offset);
    this.#bytes += topic.length + TOPIC_OVERHEAD_BYTES;
  }

  /** Returns whether a subscriber that read up to an offset has a value of a topic. */
  has(topic: string, offset = Infinity): boolean {
    const from = this.#offsets?.get(topic);
    return from !== undefined && from <= offset;
  }

  /** Returns the topics that a subscriber that read up to an offset has a value of. */
  upTo(offset: number): string[] {
    return [...this.#offsets ?? []].filter(([, from]) => from <= offset).map(([topic]) => topic);
  }

  /** Frees the memory: a resumed subscriber gets all retained messages again. */
  clear(): void {
    this.#offsets = undefined;
    this.#bytes = 0;
  }
}

/** Subscribers of a retained delivery. */
export interface RetainedDeliveryOptions {
  /** Owner of all subscribers. */
  readonly owner: string;
  /** Offset that all subscribers have read at least. */
  readonly from: number;
  /** Offset of the request to the broker; `from` by default. */
  readonly requestedAt?: number;
  /** Counter of the owner's bytes that wait for SUBACKs, in all of its deliveries. */
  readonly earlyBytes: EarlyBytes;
  /** Topics that the subscribers have a value of; ignored if they missed messages. */
  readonly received?: Iterable<string>;
}

/** Counter of bytes that wait for SUBACKs. */
export interface EarlyBytes {
  /** Number of bytes. */
  bytes: number;
}

/**
 * Retained messages for subscribers of one owner that requested the same filters at the same time. Passes each topic
 * once, even if the broker sends it for several filters, or again for later subscribers.
 */
export class RetainedDelivery<Subscriber> {
  /** Recipients. */
  readonly subscribers: Set<Subscriber> = new Set();
  /** Owner of the recipients. */
  readonly owner: string;
  /** Offset of the request to the broker. */
  readonly requestedAt: number;
  readonly #topics = new ReceivedTopics();
  /** Topics that the subscribers have a value of, until the broker sends their retained message. */
  readonly #skipped: Set<string>;
  /** Messages that wait for the SUBACK, by topic. */
  #early = new Map<string, ReceivedMessage>();
  #earlyBytes = 0;
  readonly #ownerEarlyBytes: EarlyBytes;
  #isGranted = false;
  /** Time of the last message, in milliseconds. */
  #lastAt = 0;
  readonly #from: number;
  #lastOffset: number;

  /** Makes a delivery that waits for its SUBACK. */
  constructor({ owner, from, requestedAt = from, earlyBytes, received = [] }: RetainedDeliveryOptions) {
    this.owner = owner;
    this.requestedAt = requestedAt;
    this.#ownerEarlyBytes = earlyBytes;
    this.#from = from;
    this.#lastOffset = from;
    this.#skipped = new Set(received);
  }

  /** Part of the order of messages that it covers so far. */
  get window(): RetainedWindow {
    return { from: this.#from, last: this.#lastOffset, topics: this.#topics };
  }

  /**
   * Offers a retained message.
   *
   * @param now in milliseconds
   * @returns whether to pass it to the subscribers now: not before the SUBACK, and each topic once
   */
  offer(message: ReceivedMessage, now: number): boolean {
    const { topic, position: { offset } } = message;
    if (this.isSettled(now)) return false;
    if (this.#isGranted) {
      // A message that is skipped also shows that the broker is still sending.
      if (this.#skipped.delete(topic)) this.#lastAt = now;
      if (this.#topics.has(topic)) return false;
      this.#record(topic, offset);
      this.#lastAt = now;
      return true;
    }
    if (this.#early.has(topic)) return false;
    this.#early.set(topic, message);
    this.#earlyBytes += messageBytes(message);
    this.#ownerEarlyBytes.bytes += messageBytes(message);
    return false;
  }

  /** Records that the subscribers got a live message, which supersedes the retained one of its topic. */
  recordLive(topic: string, offset: number): void {
    if (this.#isGranted) this.#topics.add(topic, offset);
  }

  /**
   * Records a live message that the subscribers get with the SUBACK: of a connection without a common order, it
   * supersedes the retained one of its topic.
   */
  recordEarly(topic: string): void {
    if (!this.#isGranted) this.#skipped.add(topic);
  }

  /** True once the SUBACK was recorded. */
  get isGranted(): boolean {
    return this.#isGranted;
  }

  /** True if more bytes wait for the owner's SUBACKs than the limit, some of them in this delivery. */
  get isOverLimit(): boolean {
    return this.#earlyBytes > 0 && this.#ownerEarlyBytes.bytes > MAX_EARLY_BYTES;
  }

  /** Drops the messages that wait for the SUBACK. */
  discardEarly(): void {
    this.#ownerEarlyBytes.bytes -= this.#earlyBytes;
    this.#earlyBytes = 0;
    this.#early.clear();
  }

  /**
   * Records the SUBACK.
   *
   * @param isComplete whether the subscribers get everything that they missed
   * @returns the messages that waited for it
   */
  grant(now: number, isComplete: boolean): readonly ReceivedMessage[] {
    // Their values may be outdated: newer ones are among the missed messages.
    if (!isComplete) this.#skipped.clear();
    for (const topic of this.#skipped) this.#topics.add(topic, this.#from);
    const early = [...this.#early.values()].filter(({ topic }) => !this.#skipped.delete(topic));
    for (const { topic, position } of early) this.#record(topic, position.offset);
    this.discardEarly();
    this.#isGranted = true;
    this.#lastAt = now;
    return early;
  }

  /** Returns whether no further message is expected. */
  isSettled(now: number): boolean {
    return this.#isGranted && now - this.#lastAt > SETTLED_MS;
  }

  #record(topic: string, offset: number): void {
    this.#topics.add(topic, offset);
    this.#lastOffset = Math.max(this.#lastOffset, offset);
  }
}

/** Retained deliveries of one filter that the broker may still be sending. */
export class OpenDeliveries<Subscriber> implements Iterable<RetainedDelivery<Subscriber>> {
  readonly #all = new LinkedSet<RetainedDelivery<Subscriber>>();
  /**
   * Newest delivery to which a message of each topic was offered, as it was to all older ones. Weak: a topic may be gone
   * from the broker, and would keep it.
   */
  #offered: Map<string, WeakRef<RetainedDelivery<Subscriber>>> | undefined;
  /** Newest delivery when the first of these topics was offered. */
  #offeredSince: RetainedDelivery<Subscriber> | undefined;
  /** The newest delivery. */
  #newest: WeakRef<RetainedDelivery<Subscriber>> | undefined;

  /** Number of topics of which it knows to which deliveries they were offered. */
  get offeredTopics(): number {
    return this.#offered?.size ?? 0;
  }

  /** Adds a delivery. */
  add(delivery: RetainedDelivery<Subscriber>): void {
    this.#all.add(delivery);
  }

  /** Removes a delivery. */
  delete(delivery: RetainedDelivery<Subscriber>): void {
    this.#all.delete(delivery);
    // From time to time, also while there is always some delivery: those that get a topic again ignore it.
    if (this.#all.size === 0 || delivery === this.#offeredSince) this.#forget();
  }

  /** Removes all deliveries. */
  clear(): void {
    this.#all.clear();
    this.#forget();
  }

  /** Records a live message in all deliveries, as {@linkcode RetainedDelivery.recordLive}. */
  recordLive(topic: string, offset: number): void {
    if (this.#all.size === 0) return;
    for (const delivery of this.#all) delivery.recordLive(topic, offset);
  }

  /** Records a live message in all deliveries, as {@linkcode RetainedDelivery.recordEarly}. */
  recordEarly(topic: string): void {
    for (const delivery of this.#all) delivery.recordEarly(topic);
  }

  /**
   * Iterates over the deliveries to which no message of a topic was offered, and records that one is: the broker sends
   * it again for each request, and all earlier deliveries would ignore it.
   */
  *unoffered(topic: string): Generator<RetainedDelivery<Subscriber>, void, void> {
    const { last } = this.#all;
    const offered = this.#offered?.get(topic)?.deref();
    if (last === undefined || last === offered) return;
    if (this.#newest?.deref() !== last) this.#newest = new WeakRef(last);
    this.#offeredSince ??= last;
    this.#offered ??= new Map();
    this.#offered.set(topic, this.#newest);
    for (const delivery of this.#all.backwards()) {
      if (delivery === offered) return;
      yield delivery;
    }
  }

  /** Iterates over all deliveries. */
  [Symbol.iterator](): Iterator<RetainedDelivery<Subscriber>> {
    return this.#all[Symbol.iterator]();
  }

  #forget(): void {
    this.#offered = undefined;
    this.#offeredSince = undefined;
  }
}
