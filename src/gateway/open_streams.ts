/**
 * All streams that are open, and the one clock that looks after them.
 *
 * @module
 */
import { type EventStream, TICK_MS } from "./event_stream.ts";

/** The streams that are open: those that have ended as well, until their last event was taken. */
export class OpenStreams {
  readonly #streams = new Set<EventStream>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #tooSlow = 0;

  /** How many there are. */
  get size(): number {
    return this.#streams.size;
  }

  /** How many streams were ended because their listener was too slow, since the start. */
  get tooSlow(): number {
    return this.#tooSlow;
  }

  /** Counts a listener that was too slow. */
  countTooSlow(): void {
    this.#tooSlow += 1;
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

  /** Ends all streams, as the gateway stops. */
  shutDown(message: string): void {
    for (const stream of this.#streams) stream.shutDown(message);
  }
}
