/**
 * Pauses in long work, in which the event loop runs other work.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Longest time that work holds the event loop by default, in milliseconds. */
const TURN_MS = 5;

/** Time that some work may take before it lets other work run. */
export class TurnBudget {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  readonly #turnMs: number;
  #startedAt: number;

  /** Starts the first turn. */
  constructor(clock: Pick<Clock, "monotonic" | "after">, turnMs: number = TURN_MS) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#startedAt = clock.monotonic();
  }

  /** Returns the pause that is due: other work runs until it resolves; undefined while the turn is not over. */
  pause(): Promise<void> | undefined {
    if (this.#clock.monotonic() - this.#startedAt < this.#turnMs) return undefined;
    return new Promise((resolve) => {
      this.#clock.after(0, () => {
        this.#startedAt = this.#clock.monotonic();
        resolve();
      });
    });
  }
}
