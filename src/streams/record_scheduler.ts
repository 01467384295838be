/**
 * Scheduler of the records of streams whose messages may wait for each other: many listeners share a limited number of
 * records a second, so that what comes meanwhile is sealed and sent as one.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import { FifoQueue } from "../lib/fifo_queue.ts";

/** Interval in milliseconds. */
const INTERVAL_MS = 10;

/** Most records in an interval: 5,000 a second, some 30 % of a core. A household's listeners never wait. */
export const RECORDS_PER_INTERVAL = 50;

/** Limits the records of all streams together, fairly: owners take turns, and the streams of one come in order. */
export class RecordScheduler {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  #beganAt = -Infinity;
  /** Records that the current interval still allows. */
  #left = 0;
  #isWaiting = false;
  /** Owners with waiting streams, the next one first. */
  readonly #owners = new FifoQueue<string>();
  readonly #waiting = new Map<string, FifoQueue<() => void>>();

  /** Creates a scheduler without waiting streams. */
  constructor(clock: Pick<Clock, "monotonic" | "after">) {
    this.#clock = clock;
  }

  /**
   * Acquires one record.
   *
   * @param owner name of the stream's key
   * @returns a promise to wait for; undefined if the record may be sent at once
   */
  acquire(owner: string): Promise<void> | undefined {
    if (!this.#isWaiting) {
      const now = this.#clock.monotonic();
      if (now - this.#beganAt >= INTERVAL_MS) this.#begin(now);
      if (this.#left > 0) {
        this.#left -= 1;
        return undefined;
      }
      this.#isWaiting = true;
      this.#clock.after(this.#beganAt + INTERVAL_MS - now, () => this.#continue());
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    let streams = this.#waiting.get(owner);
    if (streams === undefined) {
      streams = new FifoQueue();
      this.#waiting.set(owner, streams);
      this.#owners.push(owner);
    }
    streams.push(resolve);
    return promise;
  }

  #begin(now: number): void {
    this.#beganAt = now;
    this.#left = RECORDS_PER_INTERVAL;
  }

  /** Begins the next interval with the streams that wait. */
  #continue(): void {
    this.#begin(this.#clock.monotonic());
    while (this.#left > 0 && this.#admitNext()) this.#left -= 1;
    this.#isWaiting = this.#owners.first !== undefined;
    if (this.#isWaiting) this.#clock.after(INTERVAL_MS, () => this.#continue());
  }

  /** Admits the next stream of the next owner; returns whether one waited. */
  #admitNext(): boolean {
    const owner = this.#owners.shift();
    if (owner === undefined) return false;
    const streams = this.#waiting.get(owner);
    streams?.shift()?.();
    if (streams?.first === undefined) this.#waiting.delete(owner);
    else this.#owners.push(owner);
    return true;
  }
}
