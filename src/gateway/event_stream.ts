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
  /** Most bytes of events to hold for a listener that does not read. */
  readonly maxQueueBytes: number;
  /** Longest silence before a comment shows that the stream lives, in milliseconds. */
  readonly keepAliveMs: number;
  /** Called once, when no more events are wanted: whatever feeds the stream can be freed. */
  readonly onEnd: () => void;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** How long a listener may take to read what is left after the end, in milliseconds. */
const LAST_EVENTS_MS = 5000;

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
  #ended = false;
  #wake: () => void = () => {};
  #cut: ReturnType<typeof setTimeout> | undefined;
  #abort: () => void = () => {};

  /** Opens a stream without events. */
  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#abort = () => controller.error(new Error("Listener did not read its last events"));
      },
      // Not called again before its promise settles: sealing may take turns, the order stays.
      pull: (controller) => this.#send(controller),
      cancel: () => {
        this.#stop();
        clearTimeout(this.#cut);
      },
    }, { highWaterMark: 0 });
  }

  /** Appends an event, or ends the stream when the listener is too slow for it. Ignored after the end. */
  push(event: StreamEvent): void {
    if (this.#ended) return;
    const plaintext = utf8.encode(JSON.stringify(event));
    const { maxQueueBytes } = this.#options;
    // A single event of any size may wait, or a large one could never pass.
    if (this.#queue.length > 0 && this.#queuedBytes + plaintext.length > maxQueueBytes) {
      this.#queue.length = 0;
      this.end("error", `Too slow: more than ${maxQueueBytes} bytes of events were waiting`);
      return;
    }
    this.#append(plaintext);
  }

  /** Appends the last event and ends the stream. Ignored after the end. */
  end(type: FinalEvent["type"], message: string): void {
    if (this.#ended) return;
    const event: FinalEvent = { type, message, timestamp: Math.floor(this.#options.now() / 1000) };
    this.#append(utf8.encode(JSON.stringify(event)));
    this.#cut = setTimeout(this.#abort, LAST_EVENTS_MS);
    this.#stop();
  }

  #append(plaintext: Bytes): void {
    this.#queue.push(plaintext);
    this.#queuedBytes += plaintext.length;
    this.#wake();
  }

  #stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    this.#options.onEnd();
  }

  async #send(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#queue.length === 0) await this.#silence();
    const batch = this.#takeBatch();
    const sealed = await Promise.all(batch.map(this.#options.seal));
    // The listener left meanwhile.
    if (this.#ended && batch.length === 0) return;
    const text = sealed.map((envelope) => `data: ${envelope}\n\n`).join("");
    controller.enqueue(utf8.encode(text || ": keepalive\n\n"));
    if (this.#ended && this.#queue.length === 0) {
      clearTimeout(this.#cut);
      controller.close();
    }
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
    return batch;
  }
}
