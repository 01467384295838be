/**
 * One listener's stream of sealed events: Server-Sent Events in the order in which they were pushed.
 *
 * @module
 */
import type { DropReason, StreamEnd, Telemetry } from "../observability/telemetry.ts";
import { joinBytes } from "../lib/join_bytes.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import type { FinalEvent, Position, StreamEvent } from "../protocol/event.ts";
import type { LargeRecords } from "./large_records.ts";
import type { BudgetHolder, EvictionCause, MemoryBudget } from "../limits/memory_budget.ts";
import type { OutgoingEvent } from "./outgoing_event.ts";
import type { StreamFormat } from "./sse_format.ts";

/** What a stream needs. */
export interface EventStreamOptions {
  /** Name of the key that the stream belongs to. */
  readonly owner: string;
  /** Makes an event of the stream's own. */
  readonly makeEvent: (event: StreamEvent) => OutgoingEvent;
  /** Writes the stream. */
  readonly format: StreamFormat;
  /** Bytes of events that may wait for a listener for as long as it likes. */
  readonly maxQueueBytes: number;
  /** Where what waits beyond that is counted. */
  readonly backlog: MemoryBudget;
  /** Room for large records that are for this listener alone. */
  readonly records: LargeRecords;
  /** Longest time without reading for a listener for which more than `maxQueueBytes` wait, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Longest silence before a sign of life, in milliseconds. */
  readonly keepAliveMs: number;
  /** Called once, when no more events are wanted: whatever feeds the stream can be freed. */
  readonly onEnd: (end: Ending) => void;
  /** Called once, after the end: the listener has got everything, or is gone. */
  readonly onClosed: () => void;
  /** Where it is measured how long events waited, and counted which ones never went out. */
  readonly telemetry: Pick<Telemetry, "delivered" | "dropped">;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** How a stream came to its end. */
export interface Ending {
  /** Why, in one word. */
  readonly why: StreamEnd;
  /** The same in more words. */
  readonly message: string;
  /** How much was sent by then, in bytes. */
  readonly sentBytes: number;
}

/** What the last event tells besides its reason. */
export type EndOptions = Pick<FinalEvent, "code" | "resume" | "retry">;

/** How often {@linkcode EventStream.tick} is to be called, in milliseconds. */
export const TICK_MS = 1000;

/** How long a listener has for the last events after the end, in milliseconds. Then the stream is broken off. */
const DRAIN_TIMEOUT_MS = 30_000;

/** Most bytes to hand over at once: a listener that takes a piece reads, however long the event is. */
const PIECE_BYTES = 64 * 1024;

/** What ends a stream of a listener that did nothing wrong: a new one may be had soon. */
const DISCONNECTING: readonly StreamEnd[] = ["broker", "restart"];

/** The codes of last events, where the caller of `end()` names no other. */
const CODES: Partial<Readonly<Record<StreamEnd, ErrorCode>>> = {
  "too_slow": "too_slow",
  revoked: "key_revoked",
  broker: "broker",
  restart: "restart",
  failed: "internal",
};

const NOTHING = new Uint8Array();

/** A stream that is open until it is ended from here or its listener leaves. */
export class EventStream implements BudgetHolder {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;

  readonly #options: EventStreamOptions;
  readonly #queue: OutgoingEvent[] = [];
  /** Size of the events that were taken from the queue last, until their last piece was handed over. */
  #batchBytes = 0;
  /** What is to be handed over of their records. */
  #rest: Uint8Array = NOTHING;
  /** Gives back the room that they take. */
  #release: () => void = () => {};
  /** The last event, which comes after the queue. */
  #final: OutgoingEvent | undefined;
  /** Size of all events that wait, with those that are handed over in part. */
  #waitingBytes = 0;
  /** The part of it that is counted in the budget. */
  #beyondBytes = 0;
  #sentBytes = 0;
  /** Whether events of before the listener came are among those that wait: their wait tells nothing of its speed. */
  #isCatchingUp = false;
  /** Since when the oldest event that came as it happened waits, or one that came after it. */
  #waitsSince: number | undefined;
  /** Position of the newest event that the listener gets, even if the stream ends now. */
  #position: Position | undefined;
  /** When a piece was taken, or more than the queue's bound began to wait. */
  #takenAt: number;
  #endedAt: number | undefined;
  #isClosed = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the listener waits for the next event, which is then sealed at once. */
  #isReaderWaiting = false;
  #wake: () => void = () => {};

  /** Opens a stream without events. */
  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#takenAt = options.monotonic();
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        if (options.format.opening !== undefined) controller.enqueue(options.format.opening);
      },
      // Not called again before its promise settles: sealing may take turns, the order stays.
      pull: (controller) =>
        this.#send(controller).catch((error) => {
          this.#stop("failed", "sealing failed");
          this.#close();
          throw error;
        }),
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

  /** Bytes of the events that wait for the listener. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Appends an event. Ignored after the end. What waits beyond the queue's bound is counted in the budget, which evicts
   * the listener when it is too much.
   *
   * @param isBacklog whether it is of those that come all at once when one begins to listen
   */
  push(event: OutgoingEvent, isBacklog = false): void {
    if (this.#endedAt !== undefined) return;
    this.#isCatchingUp ||= isBacklog;
    if (!this.#isCatchingUp) this.#waitsSince ??= this.#options.monotonic();
    this.#queue.push(event);
    this.#setWaiting(this.#waitingBytes + event.size);
    if (this.#endedAt === undefined) this.#announce(event);
  }

  /** Appends the last event and ends the stream. Ignored after the end. */
  end(why: StreamEnd, message: string, { code = CODES[why], resume, retry }: EndOptions = {}): void {
    if (this.#endedAt !== undefined) return;
    const timestamp = this.#seconds();
    const position = resume === undefined ? {} : { resume };
    // Clients of version 1 know no other word for it.
    const isRestart = why === "restart" && this.#options.format.version === 2;
    const maker = { source: "gateway", ...(code === undefined ? {} : { code }) } as const;
    const event: FinalEvent = isRestart
      ? { type: "end", ...maker, reason: "restart", ...(retry === undefined ? {} : { retry }), message, timestamp }
      : { type: DISCONNECTING.includes(why) ? "disconnected" : "error", ...maker, message, timestamp, ...position };
    this.#final = this.#options.makeEvent(event);
    this.#announce(this.#final);
    this.#stop(why, message);
  }

  /** Ends the stream with an error, without the events that wait: they are not for its listener any more. */
  revoke(message: string): void {
    this.#drop("revoked");
    this.end("revoked", message);
  }

  /** Ends the stream, because too much waits. */
  evict(cause: EvictionCause): void {
    // What still waits then is for a listener that has been given time for it, but no memory.
    if (this.#endedAt !== undefined) this.#breakOff();
    else if (cause === "total") this.#tooSlow("too many messages wait for all listeners together");
    else this.#tooSlow(`more than ${this.#options.backlog.shareBytes} bytes of events waited`);
  }

  /** Looks after the stream; to be called each {@linkcode TICK_MS}, until it is closed. */
  tick(): void {
    const { monotonic, maxQueueBytes, stallTimeoutMs, keepAliveMs } = this.#options;
    if (this.#endedAt !== undefined) {
      if (monotonic() - this.#endedAt >= DRAIN_TIMEOUT_MS) this.#breakOff();
      return;
    }
    const silentMs = monotonic() - this.#takenAt;
    if (this.#isReaderWaiting) {
      if (silentMs + TICK_MS > keepAliveMs) this.#wake();
    } else if (this.#waitingBytes > maxQueueBytes && silentMs >= stallTimeoutMs) {
      this.#tooSlow(`nothing was read for ${stallTimeoutMs / 1000} s`);
    }
  }

  #tooSlow(what: string): void {
    this.#drop("too_slow");
    this.end("too_slow", `Too slow: ${what}`, this.#position === undefined ? {} : { resume: this.#position });
  }

  /** Drops what waits, except the rest of a record that was begun: what follows could not be read without it. */
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
    // Others of the key do not wait for the rest of a record that is hardly read.
    this.#giveBack();
    this.#wake();
    this.#options.onEnd({ why, message, sentBytes: this.#sentBytes });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#batchBytes = 0;
    this.#rest = NOTHING;
    this.#giveBack();
    this.#setWaiting(0);
    this.#options.onClosed();
  }

  #giveBack(): void {
    const release = this.#release;
    this.#release = () => {};
    release();
  }

  /**
   * Ends the stream of a listener that does not read to its end. Not by an error, which Deno prints with its stack, and which
   * frees the connection no sooner. Without its last event a stream is broken off for every client.
   */
  #breakOff(): void {
    if (this.#isClosed) return;
    this.#controller?.close();
    this.#close();
  }

  async #send(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#rest.length === 0) {
      this.#isReaderWaiting = true;
      if (this.#queue.length === 0 && this.#endedAt === undefined) await this.#silence();
      if (this.#isClosed) return;
      const batch = this.#takeBatch();
      const { format, records: memory, owner } = this.#options;
      const room = memory.acquire(owner, this.#batchBytes);
      if (room !== undefined) {
        this.#release = await room;
        if (this.#isClosed) return this.#giveBack();
      }
      const records = await (batch.length === 0 ? format.heartbeat(this.#seconds()) : this.#joined(batch));
      this.#isReaderWaiting = false;
      if (this.#isClosed) return;
      this.#rest = records;
    }
    // Not copied: the records may be shared with other listeners.
    const piece = this.#rest.subarray(0, PIECE_BYTES);
    this.#rest = piece.length < this.#rest.length ? this.#rest.subarray(PIECE_BYTES) : NOTHING;
    this.#takenAt = this.#options.monotonic();
    this.#sentBytes += piece.length;
    controller.enqueue(piece);
    if (this.#rest.length === 0) this.#finishBatch(controller);
  }

  /** Waits until there is something to send. */
  #silence(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
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

  #finishBatch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#giveBack();
    const waiting = this.#waitingBytes - this.#batchBytes;
    this.#batchBytes = 0;
    this.#setWaiting(waiting);
    if (waiting === 0) this.#isCatchingUp = false;
    if (this.#waitsSince !== undefined) {
      this.#options.telemetry.delivered((this.#takenAt - this.#waitsSince) / 1000);
      this.#waitsSince = waiting > 0 ? this.#takenAt : undefined;
    }
    if (this.#endedAt === undefined || this.#queue.length > 0 || this.#final !== undefined) return;
    controller.close();
    this.#close();
  }

  #setWaiting(bytes: number): void {
    const { maxQueueBytes, backlog, monotonic } = this.#options;
    if (bytes > maxQueueBytes && this.#waitingBytes <= maxQueueBytes) this.#takenAt = monotonic();
    this.#waitingBytes = bytes;
    // One event of any size may wait for each listener: those of a key share it.
    const free = Math.max(maxQueueBytes, this.#batchBytes, this.#queue[0]?.size ?? 0);
    const beyond = Math.max(0, bytes - free);
    if (beyond === this.#beyondBytes) return;
    this.#beyondBytes = beyond;
    backlog.set(this, beyond);
  }

  /** The records of some events in one piece; a single one may be shared with other listeners, and is not copied. */
  async #joined(batch: readonly OutgoingEvent[]): Promise<Uint8Array> {
    const { format } = this.#options;
    const [only] = batch;
    if (only !== undefined && batch.length === 1) return await format.record(only);
    return joinBytes(await Promise.all(batch.map((event) => format.record(event))));
  }
}
