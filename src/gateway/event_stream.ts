/**
 * One listener's stream of sealed events: Server-Sent Events in the order in which they were pushed.
 *
 * @module
 */
import type { DropReason, StreamEnd, Telemetry } from "../observability/telemetry.ts";
import { joinBytes } from "../protocol/bytes.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import type { FinalEvent, Position, StreamEvent } from "../protocol/event.ts";
import type { Backlog } from "./backlog.ts";
import type { OutgoingEvent } from "./outgoing_event.ts";
import type { StreamFormat } from "./stream_format.ts";

/** What a stream needs. */
export interface EventStreamOptions {
  /** Makes an event of the stream's own. */
  readonly makeEvent: (event: StreamEvent) => OutgoingEvent;
  /** Writes the stream. */
  readonly format: StreamFormat;
  /** Bytes of events that may wait for a listener. */
  readonly maxQueueBytes: number;
  /** Where what waits beyond that is counted, while a listener begins to listen. */
  readonly backlog: Backlog;
  /** How long a listener may leave a backlog untouched, in milliseconds. */
  readonly patienceMs: number;
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
export type Farewell = Pick<FinalEvent, "code" | "resume" | "retry">;

/** How often {@linkcode EventStream.tick} is to be called, in milliseconds. */
export const TICK_MS = 1000;

/** How long a listener has for the last events after the end, in milliseconds. Then its connection is cut. */
const FAREWELL_MS = 30_000;

/** Most bytes to hand over at once: bounds what is under way beside the queue. */
const BATCH_BYTES = 64 * 1024;

/** What ends a stream of somebody who did nothing wrong: a new one may be had soon. */
const DISCONNECTING: readonly StreamEnd[] = ["broker", "restart"];

/** The codes of last events, where whoever ends the stream names no other. */
const CODES: Partial<Readonly<Record<StreamEnd, ErrorCode>>> = {
  "too_slow": "too_slow",
  revoked: "key_revoked",
  broker: "broker",
  restart: "restart",
  failed: "internal",
};

/** A stream that is open until it is ended from here or its listener leaves. */
export class EventStream {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;

  readonly #options: EventStreamOptions;
  readonly #queue: OutgoingEvent[] = [];
  /** What waits: first what came as it happened, then, while a listener catches up, all that came since. */
  #liveBytes = 0;
  #backlogBytes = 0;
  #sentBytes = 0;
  /** Since when the oldest event that came as it happened waits, or one that came after it. */
  #waitsSince: number | undefined;
  #position: Position | undefined;
  /** When events were taken for the listener, or a backlog began. */
  #takenAt: number;
  #endedAt: number | undefined;
  #isClosed = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the listener waits for the next event, which is then sealed at once. */
  #isHungry = false;
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
        this.#clear();
        this.#stop("left", "listener left");
        this.#close();
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Appends an event. Ignored after the end. If too much waits by then, the listener is too slow, and shown out.
   *
   * @param isBacklog whether it is of those that come all at once when one begins to listen
   */
  push(event: OutgoingEvent, isBacklog = false): void {
    if (this.#endedAt !== undefined) return;
    if (isBacklog || this.#backlogBytes > 0) {
      if (this.#backlogBytes === 0) this.#takenAt = this.#options.monotonic();
      this.#append(event);
      this.#setBacklog(this.#backlogBytes + event.size);
    } else if (this.#liveBytes > this.#options.maxQueueBytes) {
      this.#tooSlow(`more than ${this.#options.maxQueueBytes} bytes of events waited`);
    } else {
      this.#waitsSince ??= this.#options.monotonic();
      this.#append(event);
      this.#liveBytes += event.size;
    }
  }

  /** Bytes of the events that wait for the listener. */
  get waitingBytes(): number {
    return this.#liveBytes + this.#backlogBytes;
  }

  /** Appends the last event and ends the stream. Ignored after the end. */
  end(why: StreamEnd, message: string, { code = CODES[why], resume, retry }: Farewell = {}): void {
    if (this.#endedAt !== undefined) return;
    const timestamp = this.#seconds();
    const position = resume === undefined ? {} : { resume };
    // Clients of version 1 know no other word for it.
    const isRestart = why === "restart" && this.#options.format.version === 2;
    const maker = { source: "gateway", ...(code === undefined ? {} : { code }) } as const;
    const event: FinalEvent = isRestart
      ? { type: "end", ...maker, reason: "restart", ...(retry === undefined ? {} : { retry }), message, timestamp }
      : { type: DISCONNECTING.includes(why) ? "disconnected" : "error", ...maker, message, timestamp, ...position };
    this.#append(this.#options.makeEvent(event));
    this.#stop(why, message);
  }

  /** Ends the stream with an error, without the events that wait: they are not for its listener any more. */
  cutOff(message: string): void {
    this.#drop("revoked");
    this.end("revoked", message);
  }

  /** Lets go of a backlog that others need the room of. */
  giveUp(): void {
    this.#tooSlow("too many messages wait for all listeners together");
  }

  /** Looks after the stream; to be called each {@linkcode TICK_MS}, until it is closed. */
  tick(): void {
    const { monotonic, patienceMs, keepAliveMs } = this.#options;
    if (this.#endedAt !== undefined) {
      if (monotonic() - this.#endedAt >= FAREWELL_MS) this.#cut();
      return;
    }
    const silentMs = monotonic() - this.#takenAt;
    if (this.#backlogBytes > 0 && !this.#isHungry) {
      if (silentMs >= patienceMs) this.#tooSlow(`nothing was read for ${patienceMs / 1000} s`);
    } else if (silentMs + TICK_MS > keepAliveMs) this.#wake();
  }

  #tooSlow(what: string): void {
    this.#drop("too_slow");
    this.end("too_slow", `Too slow: ${what}`, this.#position === undefined ? {} : { resume: this.#position });
  }

  /** Lets go of what waits, unless the last event is among it. */
  #drop(reason: DropReason): void {
    if (this.#endedAt !== undefined) return;
    this.#options.telemetry.dropped(reason, this.#queue.length);
    this.#clear();
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000);
  }

  #append(event: OutgoingEvent): void {
    this.#queue.push(event);
    if (!this.#isHungry) return;
    this.#options.format.prepare(event);
    this.#wake();
  }

  #clear(): void {
    this.#queue.length = 0;
    this.#liveBytes = 0;
    this.#setBacklog(0);
  }

  #stop(why: StreamEnd, message: string): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = this.#options.monotonic();
    this.#wake();
    this.#options.onEnd({ why, message, sentBytes: this.#sentBytes });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClosed();
  }

  /** Gives a listener up that reads nothing more: its connection would stay for as long as it likes. */
  #cut(): void {
    this.#controller?.error(new Error("Listener does not read"));
    this.#close();
  }

  async #send(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#isHungry = true;
    if (this.#queue.length === 0 && this.#endedAt === undefined) await this.#silence();
    if (this.#isClosed) return;
    const chunk =
      await (this.#queue.length === 0
        ? this.#options.format.signOfLife(this.#seconds())
        : this.#joined(this.#takeBatch()));
    this.#isHungry = false;
    if (this.#isClosed) return;
    this.#takenAt = this.#options.monotonic();
    if (this.#waitsSince !== undefined) {
      this.#options.telemetry.delivered((this.#takenAt - this.#waitsSince) / 1000);
      this.#waitsSince = this.#liveBytes > 0 ? this.#takenAt : undefined;
    }
    this.#sentBytes += chunk.length;
    controller.enqueue(chunk);
    if (this.#endedAt === undefined || this.#queue.length > 0) return;
    controller.close();
    this.#close();
  }

  /** Waits until there is something to send. */
  #silence(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  #takeBatch(): OutgoingEvent[] {
    let bytes = 0;
    const end = this.#queue.findIndex(({ size }) => (bytes += size) > BATCH_BYTES);
    const batch = this.#queue.splice(0, end === -1 ? this.#queue.length : Math.max(end, 1));
    let backlogBytes = this.#backlogBytes;
    for (const { size, position } of batch) {
      this.#position = position ?? this.#position;
      if (this.#liveBytes > 0) this.#liveBytes -= size;
      else backlogBytes -= size;
    }
    // The last event of a stream is not counted.
    if (this.#queue.length === 0) this.#clear();
    else if (backlogBytes < this.#backlogBytes) this.#setBacklog(backlogBytes);
    return batch;
  }

  #setBacklog(bytes: number): void {
    if (bytes === this.#backlogBytes) return;
    this.#backlogBytes = bytes;
    this.#options.backlog.set(this, bytes);
  }

  /** The records of some events in one piece; a single one may be shared with other listeners, and is not copied. */
  async #joined(batch: readonly OutgoingEvent[]): Promise<Uint8Array> {
    const { format } = this.#options;
    const [only] = batch;
    if (only !== undefined && batch.length === 1) return await format.record(only);
    return joinBytes(await Promise.all(batch.map((event) => format.record(event))));
  }
}
