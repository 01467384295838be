/** A clock for the client whose waits are over at once. What would only end a silent line runs when it is told to. */
import { assertEquals } from "@std/assert";
import type { Clock } from "../../src/client/clock.ts";

/** How long a line may be silent, in milliseconds. */
const SILENCE_MS = 45_000;

export class FakeClock implements Clock {
  /** The waits between tries, in milliseconds. */
  readonly waits: number[] = [];
  /** How often somebody began to listen to a line. */
  listenings = 0;
  readonly #listening = new Set<() => void>();
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

  after(ms: number, run: () => void): () => void {
    if (ms === SILENCE_MS) {
      this.listenings += 1;
      this.#listening.add(run);
      return () => this.#listening.delete(run);
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
    return this.#listening.size > 0;
  }

  /** Lets the line be silent for too long. */
  fallSilent(): void {
    this.pass(SILENCE_MS);
    for (const run of this.#listening) run();
  }

  /** Fails if a timer is left that would keep the process alive. */
  assertIdle(): void {
    assertEquals([this.#listening.size, this.#waiting.size], [0, 0], "Timers are left");
  }
}
