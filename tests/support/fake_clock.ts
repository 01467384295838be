/** A clock for the client whose waits are over at once. What would only end a silent line runs when it is told to. */
import { assertEquals } from "@std/assert";
import type { Clock } from "../../src/lib/clock.ts";

/** How long a line may be silent, in milliseconds. */
const SILENCE_MS = 45_000;

/**
 * Timers that only guard something, in milliseconds: lines, answers, long polls. They are told by their number: all
 * others are waits.
 */
const GUARDS: readonly number[] = [SILENCE_MS, 40_000, 90_000];

export class FakeClock implements Clock {
  /** The waits between tries, in milliseconds. */
  readonly waits: number[] = [];
  /** How often somebody began to listen to a line. */
  listenings = 0;
  /** What guards run, and when, in milliseconds. */
  readonly #guards = new Map<() => void, number>();
  readonly #waiting = new Set<() => void>();
  readonly #holds: boolean;
  #now = 1_700_000_000_000;

  /** Makes the clock; with `holds`, waits do not end. */
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
      this.listenings += 1;
      this.#guards.set(run, this.#now + ms);
      return () => this.#guards.delete(run);
    }
    this.waits.push(ms);
    this.#waiting.add(run);
    if (!this.#holds) {
      queueMicrotask(() => {
        this.pass(ms);
        if (this.#waiting.delete(run)) run();
      });
    }
    return () => this.#waiting.delete(run);
  }

  /** Lets time pass, in milliseconds; no timer takes notice. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** Whether somebody listens to a line. */
  get listens(): boolean {
    return this.#guards.size > 0;
  }

  /** Lets time pass, in milliseconds, and the guards take notice. */
  strike(ms: number): void {
    this.pass(ms);
    for (const [run, at] of [...this.#guards]) if (at <= this.#now && this.#guards.delete(run)) run();
  }

  /** Lets the line be silent for too long. */
  fallSilent(): void {
    this.strike(SILENCE_MS);
  }

  /** Fails if a timer is left that would keep the process alive. */
  assertIdle(): void {
    assertEquals([this.#guards.size, this.#waiting.size], [0, 0], "Timers are left");
  }
}
