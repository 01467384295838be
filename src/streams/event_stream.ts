/**
 * Stream of sealed events to one listener: Server-Sent Events in the order in which they were pushed.
 *
 * @module
 */
import type { DropReason, StreamEnd, Telemetry } from "../observability/telemetry.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import type { FinalEvent, Position, StreamEvent } from "../protocol/event.ts";
import type { BudgetHolder, EvictionCause, MemoryBudget } from "../limits/memory_budget.ts";
import { FairSemaphore } from "../limits/fair_semaphore.ts";
import { LARGE_EVENT_BYTES, type OutgoingEvent } from "./outgoing_event.ts";
import type { StreamFormat } from "./stream_format.ts";

/** Limits of streams. */
export interface StreamSettings {
  /** Most streams at a time. */
  readonly max: number;
  /** The same for each key. */
  readonly maxPerKey: number;
  /** Bytes of events that may wait for a listener without a time limit. */
  readonly queueBytes: number;
  /** Bytes of events beyond that, for all listeners together; half of it for those of one key. */
  readonly backlogBytes: number;
  /** Largest payload of a message, in bytes; larger ones are left out. */
  readonly maxEventBytes: number;
  /** Longest time without a read while more than `queueBytes` wait, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Longest silence before a heartbeat, in seconds. */
  readonly keepaliveSeconds: number;
}

/** Collaborators and limits of a stream. */
export interface EventStreamOptions {
  /** Name of the key that the stream belongs to. */
  readonly owner: string;
  /** Creates events of the stream itself. */
  readonly makeEvent: (event: StreamEvent) => OutgoingEvent;
  /** Encodes the stream. */
  readonly format: StreamFormat;
  /** Limits of the stream. */
  readonly settings: Pick<StreamSettings, "queueBytes" | "stallTimeoutMs" | "keepaliveSeconds">;
  /** Budget of the bytes that wait beyond `queueBytes`. */
  readonly backlog: MemoryBudget;
  /** Limit of large records. */
  readonly records: LargeRecords;
  /** Called once, when the stream accepts no more events: its source can be freed. */
  readonly onEnd: (end: Ending) => void;
  /** Called once, after the end: the listener has received everything or disconnected. */
  readonly onClosed: () => void;
  /** Measures how long events waited, and counts dropped ones. */
  readonly telemetry: Pick<Telemetry, "delivered" | "dropped">;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** End of a stream. */
export interface Ending {
  /** Reason. */
  readonly why: StreamEnd;
  /** Message for the listener and the audit. */
  readonly message: string;
  /** Bytes sent until then. */
  readonly sentBytes: number;
}

/** Further fields of the last event. */
export type EndOptions = Pick<FinalEvent, "code" | "resume" | "retry">;

/** Interval in milliseconds at which {@linkcode EventStream.tick} is to be called. */
export const TICK_MS = 1000;

/** Time for a listener to read the last events after the end, in milliseconds. Then the stream is closed without them. */
const DRAIN_TIMEOUT_MS = 30_000;

/**
 * Most bytes to hand over at once: a listener that takes a piece reads, however long the event is. So many bytes of records
 * hold less than 64 KiB of plaintext, the most for an event of type `messages`.
 */
const PIECE_BYTES = 64 * 1024;

/** Most bytes of large records that the listeners of one key hold, if it is more than one record. */
const MAX_RECORD_BYTES = 16 * 2 ** 20;

/** Most bytes of large records of all keys. */
const MAX_RECORDS_BYTES = 64 * 2 ** 20;

/** Reasons that are no fault of the listener: it may resume soon. */
const DISCONNECTING: readonly StreamEnd[] = ["broker", "restart"];

/** Codes of last events for which the caller of `end()` gives none. */
const CODES: Partial<Readonly<Record<StreamEnd, ErrorCode>>> = {
  "too_slow": "too_slow",
  revoked: "key_revoked",
  broker: "broker",
  restart: "restart",
  failed: "internal",
};

/**
 * Limit of the bytes of large records, which are sealed for one listener alone: the listeners of a key receive one after
 * another, so that a message to all of them is not held as many times.
 */
export class LargeRecords {
  readonly #semaphore = new FairSemaphore({ total: MAX_RECORDS_BYTES, each: MAX_RECORD_BYTES });

  /**
   * Acquires bytes for a record.
   *
   * @param owner name of the key
   * @param bytes length of the record
   * @returns a promise of the function that releases them; undefined if the record is not large
   */
  acquire(owner: string, bytes: number): Promise<() => void> | undefined {
    return bytes <= LARGE_EVENT_BYTES ? undefined : this.#semaphore.acquire(owner, bytes);
  }
}

const NOTHING = new Uint8Array();

/** Stream that is open until it is ended or its listener disconnects. */
export class EventStream implements BudgetHolder {
  /** Body of the response. */
  readonly body: ReadableStream<Uint8Array>;

  readonly #options: EventStreamOptions;
  readonly #queue: OutgoingEvent[] = [];
  /** Size of the batch of events that is being handed over. */
  #batchBytes = 0;
  /** Rest of the batch's records. */
  #rest: Uint8Array = NOTHING;
  /** Releases the batch's large record. */
  #release: () => void = () => {};
  /** Last event, which comes after the queue. */
  #final: OutgoingEvent | undefined;
  /** Size of all events that wait, including the batch. */
  #waitingBytes = 0;
  /** Part of it that is counted in the budget. */
  #beyondBytes = 0;
  #sentBytes = 0;
  /** Whether events from before the subscription wait: their wait does not measure the listener's speed. */
  #isCatchingUp = false;
  /** Time since which the oldest live event waits, or one that came after it. */
  #waitsSince: number | undefined;
  /** Position of the newest event that the listener receives even if the stream ends now. */
  #position: Position | undefined;
  /** Time when a piece was read, or when the waiting bytes exceeded the queue's limit. */
  #takenAt: number;
  #endedAt: number | undefined;
  #isClosed = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the reader waits for the next event, which is then encoded at once. */
  #isReaderWaiting = false;
  /** Whether events are being encoded: the next ones follow when these have been handed over, so the order is kept. */
  #isEncoding = false;

  /** Opens a stream without events. */
  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#takenAt = options.monotonic();
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        if (options.format.opening !== undefined) controller.enqueue(options.format.opening);
      },
      // Waits for nothing: an idle stream has no promise.
      pull: (controller) => this.#pull(controller),
      cancel: () => {
        this.#stop("left", "listener left");
        this.#close();
      },
    }, { highWaterMark: 0 });
  }

  /** Name of the key that the stream belongs to. */
  get owner(): string {
    return this.#options.owner;
  }

  /** Bytes of the events that wait to be read. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Appends an event; ignored after the end. Bytes beyond the queue's limit are counted in the budget, which evicts
   * streams when it is exceeded.
   *
   * @param isBacklog whether the event is from before the subscription
   */
  push(event: OutgoingEvent, isBacklog = false): void {
    if (this.#endedAt !== undefined) return;
    this.#isCatchingUp ||= isBacklog;
    if (!this.#isCatchingUp) this.#waitsSince ??= this.#options.monotonic();
    this.#queue.push(event);
    this.#setWaiting(this.#waitingBytes + event.size);
    if (this.#endedAt === undefined) this.#announce(event);
  }

  /** Appends the last event and ends the stream; ignored after the end. */
  end(why: StreamEnd, message: string, { code = CODES[why], resume, retry }: EndOptions = {}): void {
    if (this.#endedAt !== undefined) return;
    const timestamp = this.#seconds();
    const position = resume === undefined ? {} : { resume };
    // Version 1 has no event `end`.
    const isRestart = why === "restart" && this.#options.format.version === 2;
    const origin = { source: "gateway", ...(code === undefined ? {} : { code }) } as const;
    const event: FinalEvent = isRestart
      ? { type: "end", ...origin, reason: "restart", ...(retry === undefined ? {} : { retry }), message, timestamp }
      : { type: DISCONNECTING.includes(why) ? "disconnected" : "error", ...origin, message, timestamp, ...position };
    this.#final = this.#options.makeEvent(event);
    this.#stop(why, message);
    this.#announce(this.#final);
  }

  /** Ends the stream with an error and drops the events that wait: the listener may no longer receive them. */
  revoke(message: string): void {
    this.#drop("revoked");
    this.end("revoked", message);
  }

  /** Ends the stream because too many bytes wait. */
  evict(cause: EvictionCause): void {
    // After the end the listener has time to read what waits, but only within the budget.
    if (this.#endedAt !== undefined) this.#abort();
    else if (cause === "total") this.#endTooSlow("too many messages wait for all listeners together");
    else this.#endTooSlow(`more than ${this.#options.backlog.shareBytes} bytes of events waited`);
  }

  /** Checks timeouts and sends heartbeats; to be called each {@linkcode TICK_MS} until the stream is closed. */
  tick(): void {
    const { monotonic, settings: { queueBytes, stallTimeoutMs, keepaliveSeconds } } = this.#options;
    if (this.#endedAt !== undefined) {
      if (monotonic() - this.#endedAt >= DRAIN_TIMEOUT_MS) this.#abort();
      return;
    }
    const silentMs = monotonic() - this.#takenAt;
    if (this.#isReaderWaiting) {
      if (silentMs + TICK_MS > keepaliveSeconds * 1000) this.#wake();
    } else if (this.#waitingBytes > queueBytes && silentMs >= stallTimeoutMs) {
      this.#endTooSlow(`nothing was read for ${stallTimeoutMs / 1000} s`);
    }
  }

  #endTooSlow(cause: string): void {
    this.#drop("too_slow");
    this.end("too_slow", `Too slow: ${cause}`, this.#position === undefined ? {} : { resume: this.#position });
  }

  /** Drops the events that wait, except the batch: the listener could not parse what follows a partial record. */
  #drop(reason: DropReason): void {
    if (this.#endedAt !== undefined) return;
    this.#options.telemetry.dropped(reason, this.#queue.length);
    this.#queue.length = 0;
    this.#setWaiting(this.#batchBytes);
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000);
  }

  #announce(event: OutgoingEvent): void {
    if (!this.#isReaderWaiting) return;
    this.#options.format.prepare(event);
    this.#wake();
  }

  #stop(why: StreamEnd, message: string): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = this.#options.monotonic();
    // Other listeners of the key must not wait for a record that is read slowly.
    this.#releaseRecord();
    this.#options.onEnd({ why, message, sentBytes: this.#sentBytes });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#batchBytes = 0;
    this.#rest = NOTHING;
    this.#releaseRecord();
    this.#setWaiting(0);
    this.#options.onClosed();
  }

  #releaseRecord(): void {
    const release = this.#release;
    this.#release = () => {};
    release();
  }

  /**
   * Closes the stream, also of a listener that does not read to its end. Not by an error, which Deno prints with its stack
   * and which frees the connection no sooner. Clients treat a stream without a last event as aborted.
   */
  #abort(): void {
    if (this.#isClosed) return;
    this.#controller?.close();
    this.#close();
  }

  #pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (this.#rest.length > 0) return this.#handOver(controller);
    this.#isReaderWaiting = true;
    if (this.#queue.length > 0 || this.#final !== undefined) this.#wake();
  }

  /** Encodes what waits, or a heartbeat, for a reader that waits. */
  #wake(): void {
    if (!this.#isReaderWaiting || this.#isEncoding || this.#controller === undefined) return;
    this.#isEncoding = true;
    this.#encode(this.#controller);
  }

  async #encode(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const { format, records, owner } = this.#options;
      // Not before the next microtask: further events may come in this one.
      await (this.#endedAt === undefined ? format.turn?.(owner) : undefined);
      if (this.#isClosed) return;
      const batch = this.#takeBatch();
      const acquired = records.acquire(owner, this.#batchBytes);
      if (acquired !== undefined) {
        this.#release = await acquired;
        if (this.#isClosed) return this.#releaseRecord();
      }
      const encoded = batch.length === 0 ? format.heartbeat(this.#seconds()) : format.records(batch);
      const bytes = encoded instanceof Uint8Array ? encoded : await encoded;
      if (this.#isClosed) return;
      this.#rest = bytes;
      this.#isEncoding = false;
      this.#isReaderWaiting = false;
      this.#handOver(controller);
    } catch (error) {
      this.#stop("failed", "sealing failed");
      this.#close();
      controller.error(error);
    }
  }

  /** Hands a piece to the reader that waits for it. */
  #handOver(controller: ReadableStreamDefaultController<Uint8Array>): void {
    // Not copied: the records may be shared with other listeners.
    const piece = this.#rest.subarray(0, PIECE_BYTES);
    this.#rest = piece.length < this.#rest.length ? this.#rest.subarray(PIECE_BYTES) : NOTHING;
    this.#takenAt = this.#options.monotonic();
    this.#sentBytes += piece.length;
    if (this.#rest.length === 0) this.#finishBatch();
    controller.enqueue(piece);
    const isMore = this.#isEncoding || this.#rest.length > 0 || this.#queue.length > 0 || this.#final !== undefined;
    if (this.#endedAt === undefined || isMore) return;
    this.#abort();
  }

  #takeBatch(): OutgoingEvent[] {
    let bytes = 0;
    const end = this.#queue.findIndex(({ size }) => (bytes += size) > PIECE_BYTES);
    const batch = this.#queue.splice(0, end === -1 ? this.#queue.length : Math.max(end, 1));
    for (const { size, position } of batch) {
      this.#batchBytes += size;
      this.#position = position ?? this.#position;
    }
    if (batch.length > 0 || this.#final === undefined) return batch;
    const last = this.#final;
    this.#final = undefined;
    return [last];
  }

  #finishBatch(): void {
    this.#releaseRecord();
    const waiting = this.#waitingBytes - this.#batchBytes;
    this.#batchBytes = 0;
    this.#setWaiting(waiting);
    if (waiting === 0) this.#isCatchingUp = false;
    if (this.#waitsSince !== undefined) {
      this.#options.telemetry.delivered((this.#takenAt - this.#waitsSince) / 1000);
      this.#waitsSince = waiting > 0 ? this.#takenAt : undefined;
    }
  }

  #setWaiting(bytes: number): void {
    const { settings: { queueBytes }, backlog, monotonic } = this.#options;
    if (bytes > queueBytes && this.#waitingBytes <= queueBytes) this.#takenAt = monotonic();
    this.#waitingBytes = bytes;
    // One event of any size may wait without counting: the listeners of a key share it.
    const allowed = Math.max(queueBytes, this.#batchBytes, this.#queue[0]?.size ?? 0);
    const beyond = Math.max(0, bytes - allowed);
    if (beyond === this.#beyondBytes) return;
    this.#beyondBytes = beyond;
    backlog.set(this, beyond);
  }
}
