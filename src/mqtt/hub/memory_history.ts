/**
 * The order of all messages that came from brokers, and the last of them for listeners that come back.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import { messageBytes, type ReceivedMessage } from "./received_message.ts";
import { type StoredEntry, TopicHistory } from "./topic_history.ts";

/** A message that is kept, and what is needed to tell for whom it was. */
export interface HistoryEntry {
  /** The message. */
  readonly message: ReceivedMessage;
  /** Who got it: messages of one broker are nothing for listeners of another. */
  readonly source: object;
  /** The subscriptions that this delivery was for; undefined for all that match. */
  readonly subscriptions: readonly number[] | undefined;
}

/** How much a log keeps. */
export interface MemoryHistoryOptions {
  /** The name of this order of messages, which no other one may have. */
  readonly epoch: string;
  /** Most bytes of messages to keep. */
  readonly maxBytes: number;
  /** How long messages are kept at most, in milliseconds; without a bound by default. */
  readonly maxAgeMs?: number;
}

/** How many evicted messages leave an empty place, beside as many as are kept, before those are freed. */
const MAX_EVICTED = 1000;

/**
 * One order for the messages of all brokers, and one bound for the memory that they take. When it is reached, the
 * broker that holds most loses messages, and among them those of the topics that hold most.
 */
export class MemoryHistory {
  readonly #options: MemoryHistoryOptions;
  readonly #histories = new Map<object, TopicHistory<HistoryEntry>>();
  /** All messages in order, with some that were evicted. */
  #entries: StoredEntry<HistoryEntry>[] = [];
  /** Where to begin in them: all before were evicted. */
  #first = 0;
  /** How many of the entries are kept. */
  #kept = 0;
  #bytes = 0;
  #offset = 0;

  /** Makes an empty log. */
  constructor(options: MemoryHistoryOptions) {
    this.#options = options;
  }

  /** Position of the last message. */
  get position(): Position {
    return { epoch: this.#options.epoch, offset: this.#offset };
  }

  /** Bytes that the kept messages take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Gives out the next position: to a message, or to mark when something happened. */
  next(): Position {
    this.#offset += 1;
    return this.position;
  }

  /** Keeps a message, as long as there is room. Its position has to be the last one given. */
  append(kept: HistoryEntry): void {
    const { source, message } = kept;
    const history = this.#histories.get(source) ?? new TopicHistory();
    this.#histories.set(source, history);
    const entry = { offset: message.position.offset, bytes: messageBytes(message), value: kept };
    this.#entries.push(history.add(message.topic, entry));
    this.#kept += 1;
    this.#bytes += entry.bytes;
    this.#expire(message.receivedAt);
    while (this.#bytes > this.#options.maxBytes) this.#evicted(this.#largest().evict());
    if (this.#entries.length > 2 * this.#kept + MAX_EVICTED) this.#compact();
  }

  /** Tells whether a position is one of this log's. */
  knows({ epoch, offset }: Position): boolean {
    return epoch === this.#options.epoch && offset <= this.#offset;
  }

  /** Tells whether all messages of a source that match some filters are still there after an offset. */
  reaches(
    offset: number,
    { source, filters }: { readonly source: object; readonly filters: readonly string[] },
  ): boolean {
    const history = this.#histories.get(source);
    return history === undefined || filters.every((filter) => history.floor(filter) <= offset);
  }

  /** Yields what is kept of one source after an offset, in order; to be read before the next message comes. */
  *after(offset: number, source: object): Generator<HistoryEntry, void, void> {
    for (let index = this.#firstAfter(offset); index < this.#entries.length; index++) {
      const kept = this.#entries[index]?.value;
      if (kept?.source === source) yield kept;
    }
  }

  /** Forgets a source that will not be asked for again. */
  forget(source: object): void {
    for (const entry of this.#entries) {
      if (entry.value?.source !== source) continue;
      entry.value = undefined;
      this.#evicted(entry);
    }
    this.#histories.delete(source);
  }

  /** Evicts messages that are too old for a listener to ask for. */
  #expire(now: number): void {
    const { maxAgeMs = Infinity } = this.#options;
    for (; this.#first < this.#entries.length; this.#first += 1) {
      const oldest = this.#entries[this.#first];
      if (oldest?.value === undefined) continue;
      if (now - oldest.value.message.receivedAt <= maxAgeMs) return;
      this.#evicted(oldest.group.evict());
    }
  }

  #evicted({ bytes }: StoredEntry<HistoryEntry>): void {
    this.#bytes -= bytes;
    this.#kept -= 1;
  }

  #largest(): TopicHistory<HistoryEntry> {
    return [...this.#histories.values()].reduce((one, other) => other.bytes > one.bytes ? other : one);
  }

  /** Frees the places of what was evicted. */
  #compact(): void {
    this.#entries = this.#entries.filter(({ value }) => value !== undefined);
    this.#first = 0;
  }

  #firstAfter(offset: number): number {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#entries[middle]?.offset ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
