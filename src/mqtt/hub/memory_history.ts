/**
 * History of messages in memory.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import { deliveredFilter } from "../topics/rules.ts";
import { TopicTrie } from "../topics/trie.ts";
import type { EventHistory, HistoryEntry, HistoryQuery } from "./history.ts";
import { messageBytes } from "./received_message.ts";
import { type StoredEntry, TopicHistory } from "./topic_history.ts";

/** Limits of a history. */
export interface HistoryLimits {
  /** Most bytes of messages to keep. */
  readonly resumeBytes: number;
  /** Time within which a stream may resume, in seconds; unlimited by default. */
  readonly resumeSeconds?: number;
}

/** Identity and limits of a history. */
export interface MemoryHistoryOptions {
  /** Unique name of this order of messages. */
  readonly epoch: string;
  /** Limits of the kept messages. */
  readonly limits: HistoryLimits;
  /**
   * Clock of the age limit, in milliseconds, which never jumps: the wall clock of this machine, or of the one that
   * received a message, may be hours off. Without it, messages are kept up to the limit of bytes.
   */
  readonly monotonic?: () => number;
}

/** Message that is kept. */
interface KeptEntry extends HistoryEntry {
  /** Time since which it is kept, on the clock of the age limit. */
  readonly since: number;
}

/** Evicted entries that are tolerated, beside as many as are kept, before the array is compacted. */
const MAX_EVICTED = 1000;

/**
 * One order and one memory limit for the messages of all brokers. At the limit, the connection with the most bytes
 * loses messages, and within it the topics with the most bytes.
 */
export class MemoryHistory implements EventHistory {
  readonly #epoch: string;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #monotonic: () => number;
  readonly #histories = new Map<object, TopicHistory<KeptEntry>>();
  /** All messages in order, among them some evicted ones. */
  #entries: StoredEntry<KeptEntry>[] = [];
  /** Index before which all entries are evicted. */
  #first = 0;
  /** Number of entries that are not evicted. */
  #kept = 0;
  #bytes = 0;
  #offset = 0;

  /** Makes an empty history. */
  constructor(
    { epoch, limits: { resumeBytes, resumeSeconds = Infinity }, monotonic = () => 0 }: MemoryHistoryOptions,
  ) {
    this.#epoch = epoch;
    this.#monotonic = monotonic;
    this.#maxBytes = resumeBytes;
    // A stream that resumes at the last moment may have been behind for that long before, and for a minute more.
    this.#maxAgeMs = 2 * resumeSeconds * 1000 + 60_000;
  }

  /** Position that was assigned last. */
  get position(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  /** Bytes of the kept messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Assigns the next position, as {@linkcode EventHistory.next}. */
  next(): Position {
    this.#offset += 1;
    return this.position;
  }

  /** Appends a message, as {@linkcode EventHistory.append}, and evicts others at the limits. */
  append({ source, message, subscriptions }: HistoryEntry): void {
    const since = this.#monotonic();
    const history = this.#histories.get(source) ?? new TopicHistory();
    this.#histories.set(source, history);
    const value = { source, message, subscriptions, since };
    const stored = { offset: message.position.offset, bytes: messageBytes(message), value };
    this.#entries.push(history.add(message.topic, stored));
    this.#kept += 1;
    this.#bytes += stored.bytes;
    this.#expire(since);
    while (this.#bytes > this.#maxBytes) this.#discount(this.#largest().evict());
    if (this.#entries.length > 2 * this.#kept + MAX_EVICTED) this.#compact();
  }

  /** Returns whether this history assigned a position. */
  includes({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset <= this.#offset;
  }

  /** Returns whether all selected messages after an offset are kept. */
  isCompleteAfter(offset: number, { source, filters }: HistoryQuery): boolean {
    const history = this.#histories.get(source);
    return history === undefined || filters.every((filter) => history.lastEvicted(filter, offset) <= offset);
  }

  /** Returns kept messages, as {@linkcode EventHistory.after}. */
  after(offset: number, { source, filters }: HistoryQuery): HistoryEntry[] {
    const wanted = new TopicTrie<true>();
    for (const filter of filters) wanted.add(deliveredFilter(filter), true);
    const found = this.#histories.get(source)?.after(offset, wanted) ?? [];
    return found.map(({ value }) => value).filter((entry) => entry !== undefined);
  }

  /** Deletes the messages of a source. */
  deleteSource(source: object): void {
    for (const stored of this.#histories.get(source) ?? []) {
      stored.value = undefined;
      this.#discount(stored);
    }
    this.#histories.delete(source);
  }

  /** Evicts messages beyond the age limit. */
  #expire(now: number): void {
    for (; this.#first < this.#entries.length; this.#first += 1) {
      const oldest = this.#entries[this.#first];
      if (oldest?.value === undefined) continue;
      if (now - oldest.value.since <= this.#maxAgeMs) return;
      this.#discount(oldest.group.evict());
    }
  }

  /** Subtracts an evicted entry from the totals. */
  #discount({ bytes }: StoredEntry<KeptEntry>): void {
    this.#bytes -= bytes;
    this.#kept -= 1;
  }

  #largest(): TopicHistory<KeptEntry> {
    let largest: TopicHistory<KeptEntry> | undefined;
    // As few as there are connections to brokers.
    for (const history of this.#histories.values()) {
      if (largest === undefined || history.bytes > largest.bytes) largest = history;
    }
    if (largest === undefined) throw new Error("No message to evict");
    return largest;
  }

  /** Removes evicted entries from the array. */
  #compact(): void {
    this.#entries = this.#entries.filter(({ value }) => value !== undefined);
    this.#first = 0;
  }
}
