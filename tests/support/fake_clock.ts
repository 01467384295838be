/** Clock for the client whose waits end at once; its timeouts only run when the test advances the clock. */
import { assertEquals } from "@std/assert";
import type { Clock } from "../../src/lib/clock.ts";

/** Timeout of a silent stream, in milliseconds. */
const SILENCE_MS = 45_000;

/** Durations of timers that are timeouts of streams, answers and long polls; all other timers are waits. */
const GUARDS: readonly number[] = [SILENCE_MS, 40_000, 90_000];

/** Clock with recorded waits and manual timeouts. */
export class FakeClock implements Clock {
  /** Waits between attempts, in milliseconds. */
  readonly waits: number[] = [];
  /** Number of timeouts started. */
  timeoutsStarted = 0;
  /** Pending timeouts with their times, in milliseconds. */
  readonly #guards = new Map<() => void, number>();
  readonly #waiting = new Set<() => void>();
  readonly #holds: boolean;
  #now = 1_700_000_000_000;

  /** @param holds true if waits do not end */
  constructor({ holds = false } = {}) {
    this.#holds = holds;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    if (GUARDS.includes(ms)) {
      this.timeoutsStarted += 1;
      this.#guards.set(run, this.#now + ms);
      return () => this.#guards.delete(run);
    }
    this.waits.push(ms);
    this.#waiting.add(run);
    if (!this.#holds) {
      queueMicrotask(() => {
        this.skip(ms);
        if (this.#waiting.delete(run)) run();
      });
    }
    return () => this.#waiting.delete(run);
  }

  /** Advances the clock without running timers, in milliseconds. */
  skip(ms: number): void {
    this.#now += ms;
  }

  /** True while a timeout is pending. */
  get hasPendingTimeout(): boolean {
    return this.#guards.size > 0;
  }

  /** Advances the clock and runs the timeouts that are due, in milliseconds. */
  advance(ms: number): void {
    this.skip(ms);
    for (const [run, at] of [...this.#guards]) if (at <= this.#now && this.#guards.delete(run)) run();
  }

  /** Advances the clock by the timeout of a silent stream. */
  timeOutStream(): void {
    this.advance(SILENCE_MS);
  }

  /** Fails if a timer is pending, which would keep a process alive. */
  assertIdle(): void {
    assertEquals([this.#guards.size, this.#waiting.size], [0, 0], "Timers are left");
  }
}
