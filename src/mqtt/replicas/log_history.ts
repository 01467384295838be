/**
 * Messages of a log that this replica has read, of which the newest are kept for resumed streams.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { EventHistory, HistoryEntry, HistoryQuery } from "../hub/history.ts";
import { type HistoryLimits, MemoryHistory } from "../hub/memory_history.ts";
import { type LogState, OFFSETS_PER_ENTRY } from "./event_log.ts";

/** Returns the sequence of the last entry at or before an offset. */
export function sequenceOf(offset: number): number {
  return Math.floor(offset / OFFSETS_PER_ENTRY);
}

/** Returns the offset of an entry. */
export function offsetOf(sequence: number): number {
  return sequence * OFFSETS_PER_ENTRY;
}

/**
 * History whose order is that of a log: the position of a message is that of its entry, the same at all replicas.
 * Between two entries are the positions of what happens at this replica only.
 */
export class LogHistory implements EventHistory {
  readonly #limits: HistoryLimits;
  readonly #monotonic: () => number;
  #memory: MemoryHistory;
  #epoch = "";
  #sequence = 0;
  #offset = 0;
  /** Offset of the last gap. */
  #gapAt = 0;
  #retainedFrom = 0;

  /**
   * Makes a history that has read nothing.
   *
   * @param monotonic clock of the age limit, in milliseconds, which never jumps
   */
  constructor(limits: HistoryLimits, monotonic: () => number) {
    this.#limits = limits;
    this.#monotonic = monotonic;
    this.#memory = new MemoryHistory({ epoch: "", limits, monotonic });
  }

  /** Position that was assigned last. */
  get position(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  /** Bytes of the kept messages. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Offset before which retained messages may have been sent that changed during a gap. */
  get retainedFrom(): number {
    return this.#retainedFrom;
  }

  /** Begins anew with a log of which nothing was read. */
  begin({ epoch, first }: Pick<LogState, "epoch" | "first">): void {
    this.#epoch = epoch;
    this.#memory = new MemoryHistory({ epoch, limits: this.#limits, monotonic: this.#monotonic });
    this.#sequence = first - 1;
    this.#offset = offsetOf(first - 1);
    this.#gapAt = this.#offset;
    this.#retainedFrom = this.#offset;
  }

  /** Advances to an entry, and returns its position. */
  advance(sequence: number): Position {
    this.#sequence = sequence;
    this.#offset = offsetOf(sequence);
    return this.position;
  }

  /** Records that messages before the current position may be missing. */
  recordGap(): void {
    this.#gapAt = this.#offset;
    this.#retainedFrom = this.#offset;
  }

  /** Records that all retained messages are requested again. */
  recordRequest(): void {
    this.#retainedFrom = this.#offset;
  }

  /** Assigns the next position of this replica, as {@linkcode EventHistory.next}: the last of an entry repeatedly. */
  next(): Position {
    this.#offset = Math.min(this.#offset + 1, offsetOf(this.#sequence + 1) - 1);
    return this.position;
  }

  /** Assigns a position after the last entry, unless one was: that of the entry is before what follows it. */
  passEntry(): void {
    if (this.#offset === offsetOf(this.#sequence)) this.next();
  }

  /** Appends a message, as {@linkcode EventHistory.append}. */
  append(entry: HistoryEntry): void {
    this.#memory.append(entry);
  }

  /** Returns whether this replica has read all entries up to a position, which any replica may have assigned. */
  includes({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && sequenceOf(offset) <= this.#sequence;
  }

  /** Returns whether all selected messages after an offset are kept, and none may be missing. */
  isCompleteAfter(offset: number, query: HistoryQuery): boolean {
    return offset >= this.#gapAt && this.#memory.isCompleteAfter(offset, query);
  }

  /** Returns kept messages, as {@linkcode EventHistory.after}. */
  after(offset: number, query: HistoryQuery): HistoryEntry[] {
    return this.#memory.after(offset, query);
  }

  /** Deletes the messages of a source. */
  deleteSource(source: object): void {
    this.#memory.deleteSource(source);
  }
}
