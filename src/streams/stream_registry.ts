/**
 * All streams that are open, and the one clock that looks after them.
 *
 * @module
 */
import { type EventStream, TICK_MS } from "./event_stream.ts";
import { SHUTTING_DOWN } from "../http/errors.ts";
import { randomRetrySeconds } from "./retry.ts";

/** How streams end as the gateway stops. */
export interface DrainOptions {
  /** The time within which all of them end, in milliseconds. */
  readonly withinMs: number;
  /** Draws from 0 up to but not including 1. */
  readonly random: () => number;
}

/** The streams that are open: those that have ended as well, until their last event was taken. */
export class StreamRegistry {
  readonly #streams = new Set<EventStream>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isDraining = false;

  /** How many there are. */
  get size(): number {
    return this.#streams.size;
  }

  /** Bytes of events that wait for all listeners together. */
  get waitingBytes(): number {
    return [...this.#streams].reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
  }

  /** Adds a stream. */
  add(stream: EventStream): void {
    this.#streams.add(stream);
    this.#timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  /** Looks after all streams; the clock calls it. */
  tick(): void {
    for (const open of this.#streams) open.tick();
  }

  /** Takes a stream out that is closed. */
  delete(stream: EventStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Whether the gateway stops, and no stream may begin any more. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Ends all streams, as the gateway stops: each at a moment of its own, and told when to come back.
   *
   * @returns a promise that settles when each has its last event
   */
  async drain(options: DrainOptions): Promise<void> {
    this.#isDraining = true;
    await Promise.all([...this.#streams].map((stream) => endLater(stream, options)));
  }
}

async function endLater(stream: EventStream, { withinMs, random }: DrainOptions): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, random() * withinMs);
  await promise;
  stream.end("restart", SHUTTING_DOWN, { retry: randomRetrySeconds(random) });
}
