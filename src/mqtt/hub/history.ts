/**
 * Order of all messages from brokers, of which the newest are kept for resumed streams.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { ReceivedMessage } from "./received_message.ts";

/** Message in a history, and its recipients. */
export interface HistoryEntry {
  /** The message. */
  readonly message: ReceivedMessage;
  /** Identity of the broker connection; only its subscribers are recipients. */
  readonly source: object;
  /** Ids of the subscriptions that the delivery was for; undefined for all that match its topic. */
  readonly subscriptions: readonly number[] | undefined;
}

/** Selection of messages in a history. */
export interface HistoryQuery {
  /** Identity of the broker connection. */
  readonly source: object;
  /** Topic filters, any of which matches. */
  readonly filters: readonly string[];
}

/** Assigns positions to messages, and keeps the newest ones. */
export interface EventHistory {
  /** Position that was assigned last. */
  readonly position: Position;
  /** Bytes of the kept messages. */
  readonly bytes: number;
  /** Assigns the next position: to a message, or to an event such as a SUBSCRIBE request. */
  next(): Position;
  /** Appends a message, whose position must be the last one assigned. */
  append(entry: HistoryEntry): void;
  /** Returns whether this history assigned a position. */
  includes(position: Position): boolean;
  /** Returns whether all selected messages after an offset are kept. */
  isCompleteAfter(offset: number, query: HistoryQuery): boolean;
  /** Returns the kept messages after an offset that are selected, in order. */
  after(offset: number, query: HistoryQuery): readonly HistoryEntry[];
  /** Deletes the messages of a source whose connection is closed for good. */
  deleteSource(source: object): void;
}
