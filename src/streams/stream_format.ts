/**
 * Formats of streams: their events as records, shared by the listeners of a key in version 1, and numbered for one listener
 * in version 2.
 *
 * @module
 */
import { joinBytes } from "../lib/read_bytes.ts";
import type { PingEvent } from "../protocol/event.ts";
import type { Version } from "../protocol/exchange.ts";
import type { StreamSealer } from "../protocol/v2/stream.ts";
import type { Backpressure } from "./backpressure.ts";
import { type EventText, MessageBatches } from "./message_batch.ts";
import { LARGE_EVENT_BYTES, type OutgoingEvent } from "./outgoing_event.ts";
import type { RecordScheduler } from "./record_scheduler.ts";
import { HEARTBEAT_COMMENT, numberedRecord, openingRecord } from "./sse_format.ts";

/** Encodes the events of one stream. */
export interface StreamFormat {
  /** Version of the protocol. */
  readonly version: Version;
  /** First record of the stream. */
  readonly opening?: Uint8Array;
  /** Announces an event that a reader waits for, in the iteration of the event loop in which it came: it is encoded next. */
  prepare(event: OutgoingEvent): void;
  /** Sends messages that wait together as one event from now on; not in version 1. */
  allowBatches?(): void;
  /**
   * Returns a promise to wait for before events are taken from the queue; undefined if there is nothing to wait for.
   *
   * @param owner name of the stream's key
   */
  turn?(owner: string): Promise<void> | undefined;
  /** Returns the records of the next events, at least one. The order of calls is the order of the stream. */
  records(events: readonly OutgoingEvent[]): Uint8Array | Promise<Uint8Array>;
  /**
   * Returns a heartbeat.
   *
   * @param timestamp time in whole seconds since 1970
   */
  heartbeat(timestamp: number): Uint8Array | Promise<Uint8Array>;
}

/** Encodes streams of version 1, whose records are shared by all listeners of a key. */
export const SHARED_FORMAT: StreamFormat = {
  version: 1,
  prepare: (event) => event.length > LARGE_EVENT_BYTES ? undefined : void event.sharedRecord(),
  records: (events) => join(events.map((event) => event.sharedRecord())),
  heartbeat: () => HEARTBEAT_COMMENT,
};

const utf8 = new TextEncoder();

/** Limits of the streams of version 2, which all of them share. */
export interface NumberedFormatOptions {
  /** Gauge of the bytes that are being sealed. */
  readonly backpressure: Backpressure;
  /** Limits the records of streams with batches. */
  readonly scheduler: RecordScheduler;
}

/** Encodes one stream of version 2, whose records are numbered. */
export class NumberedFormat implements StreamFormat {
  /** Version of the protocol. */
  readonly version = 2;
  /** First record of the stream. */
  readonly opening: Uint8Array;
  readonly #stream: StreamSealer;
  readonly #options: NumberedFormatOptions;
  /** Present in a stream with batches. */
  #batches: MessageBatches | undefined;

  /** Creates the format of a stream, without batches. */
  constructor(stream: StreamSealer, options: NumberedFormatOptions) {
    this.opening = openingRecord(stream.opening);
    this.#stream = stream;
    this.#options = options;
  }

  /** Counts the event's bytes: it is sealed for this listener alone. */
  prepare({ length }: OutgoingEvent): void {
    // The number is assigned when the event is encoded: a heartbeat may come before it.
    this.#options.backpressure.add(length);
  }

  /** Sends messages that wait together as one event from now on. */
  allowBatches(): void {
    this.#batches ??= new MessageBatches();
  }

  /** Returns a promise of the stream's turn, during which messages wait for each other; only with batches. */
  turn(owner: string): Promise<void> | undefined {
    return this.#batches !== undefined ? this.#options.scheduler.acquire(owner) : undefined;
  }

  /** Returns the records of the next events. */
  records(events: readonly OutgoingEvent[]): Uint8Array | Promise<Uint8Array> {
    const texts = this.#batches?.join(events) ?? events;
    return join(texts.map((text) => this.#record(text)));
  }

  /** Returns a heartbeat. */
  heartbeat(timestamp: number): Promise<Uint8Array> {
    const ping: PingEvent = { type: "ping", timestamp };
    const plaintext = utf8.encode(JSON.stringify(ping));
    return this.#record({ length: plaintext.length, plaintext });
  }

  #record(event: EventText): Promise<Uint8Array> {
    // A large one waits alone: nothing else of the stream is encoded before it, so the order is kept.
    return this.#options.backpressure.seal(event.length, async () => {
      const { n, text } = this.#stream.seal(event.plaintext);
      return numberedRecord(n, await text);
    });
  }
}

/** Joins records into one array; a single one may be shared with other listeners, and is not copied. */
function join(records: readonly (Uint8Array | Promise<Uint8Array>)[]): Uint8Array | Promise<Uint8Array> {
  const [only] = records;
  return only !== undefined && records.length === 1 ? only : Promise.all(records).then(joinBytes);
}
