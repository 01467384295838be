/**
 * One listener's stream of sealed events: Server-Sent Events in the order in which they were pushed.
 *
 * @module
 */
import type { Bytes, SealedText } from "../protocol/envelope.ts";
import type { FinalEvent, StreamEvent } from "../protocol/event.ts";

/** What a stream needs. */
export interface EventStreamOptions {
  /** Seals one event. */
  readonly seal: (plaintext: Bytes) => Promise<SealedText>;
  /** Bytes of events to hold; with more, whatever feeds the stream has to wait. */
  readonly maxQueueBytes: number;
  /** How long a listener may leave the queue full, in milliseconds. */
  readonly patienceMs: number;
  /** Longest silence before a comment shows that the stream lives, in milliseconds. */
  readonly keepAliveMs: number;
  /**
   * Called once, when no more events are wanted: whatever feeds the stream can be freed.
   *
   * @param reason why, in words
   * @param sentBytes how much was sent by then
   */
  readonly onEnd: (reason: string, sentBytes: number) => void;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Most bytes of plaintext to seal at once: bounds what is under way beside the queue. */
const BATCH_BYTES = 64 * 1024;

const utf8 = new TextEncoder();

/** A stream that is open until it is ended from here or its listener leaves. */
export class EventStream {
  /** The body of the response. */
  readonly body: ReadableStream<Uint8Array>;

  readonly #options: EventStreamOptions;
  readonly #queue: Bytes[] = [];
  #queuedBytes = 0;
  #sentBytes = 0;
  #ended = false;
  #wake: () => void = () => {};
  #room = Promise.withResolvers<void>();
  #stall: ReturnType<typeof setTimeout> | undefined;

  /** Opens a stream without events. */
  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>({
      // Not called again before its promise settles: sealing may take turns, the order stays.
      pull: (controller) =>
        this.#send(controller).catch((error) => {
          this.#stop("sealing failed");
          throw error;
        }),
      cancel: () => {
        this.#clear();
        this.#stop("listener left");
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Appends an event. Ignored after the end.
   *
   * @returns nothing while there is room; otherwise a promise to wait for before the next event. The listener may
   * be quick and the broker just quicker, as with thousands of retained messages. One that stays too slow is
   * shown out, and then there is room too.
   */
  push(event: StreamEvent): Promise<void> | undefined {
    if (this.#ended) return undefined;
    this.#append(event);
    const { maxQueueBytes, patienceMs } = this.#options;
    if (this.#queuedBytes <= maxQueueBytes) return undefined;
    this.#stall ??= setTimeout(
      () => this.cutOff(`Too slow: more than ${maxQueueBytes} bytes of events waited for ${patienceMs / 1000} s`),
      patienceMs,
    );
    return this.#room.promise;
  }

  /** Appends the last event and ends the stream. Ignored after the end. */
  end(type: FinalEvent["type"], message: string): void {
    if (this.#ended) return;
    this.#append({ type, message, timestamp: Math.floor(this.#options.now() / 1000) });
    this.#stop(message);
  }

  /** Drops the events that wait, and ends the stream with an error. Ignored after the end. */
  cutOff(message: string): void {
    if (this.#ended) return;
    this.#clear();
    this.end("error", message);
  }

  #append(event: StreamEvent): void {
    const plaintext = utf8.encode(JSON.stringify(event));
    this.#queue.push(plaintext);
    this.#queuedBytes += plaintext.length;
    this.#wake();
  }

  #clear(): void {
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  #stop(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#makeRoom();
    this.#wake();
    this.#options.onEnd(reason, this.#sentBytes);
  }

  async #send(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#queue.length === 0) await this.#silence();
    const batch = this.#takeBatch();
    const sealed = await Promise.all(batch.map(this.#options.seal));
    // The listener left meanwhile.
    if (this.#ended && batch.length === 0) return;
    const text = sealed.map((envelope) => `data: ${envelope}\n\n`).join("");
    const bytes = utf8.encode(text || ": keepalive\n\n");
    this.#sentBytes += bytes.length;
    controller.enqueue(bytes);
    if (this.#ended && this.#queue.length === 0) controller.close();
  }

  /** Waits for an event, or for as long as a stream may be silent. */
  #silence(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#options.keepAliveMs);
    this.#wake = () => {
      clearTimeout(timer);
      resolve();
    };
    return promise;
  }

  #takeBatch(): Bytes[] {
    let bytes = 0;
    const end = this.#queue.findIndex((plaintext) => (bytes += plaintext.length) > BATCH_BYTES);
    const batch = this.#queue.splice(0, end === -1 ? this.#queue.length : Math.max(end, 1));
    for (const plaintext of batch) this.#queuedBytes -= plaintext.length;
    if (this.#queuedBytes <= this.#options.maxQueueBytes) this.#makeRoom();
    return batch;
  }

  #makeRoom(): void {
    if (this.#stall === undefined) return;
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}
