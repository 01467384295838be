/**
 * Timer of MQTT.js' keep-alive, which is set anew for each packet.
 *
 * @module
 */
import { type Clock, SYSTEM_CLOCK } from "../lib/clock.ts";

/** Repeated call. */
interface Interval {
  readonly run: () => void;
  readonly ms: number;
  /** Time of the next call on the monotonic clock, in milliseconds. */
  dueAt: number;
}

/**
 * One interval at a time, which only notes when it is due if it replaces another one: to stop a timer and to start one
 * for each packet costs more than to send the packet.
 */
export class KeepaliveTimer {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  #interval: Interval | undefined;
  /** Stops the timer that is running. */
  #stop: (() => void) | undefined;
  /** Time at which it fires. */
  #firesAt = 0;

  /** Creates it without an interval. */
  constructor(clock: Pick<Clock, "monotonic" | "after"> = SYSTEM_CLOCK) {
    this.#clock = clock;
  }

  /**
   * Calls a function repeatedly, in place of the one before.
   *
   * @param ms interval in milliseconds
   * @returns an id, as MQTT.js expects
   */
  readonly set = (run: () => void, ms = 0): number => {
    const dueAt = this.#clock.monotonic() + ms;
    this.#interval = { run, ms, dueAt };
    if (this.#stop === undefined || this.#firesAt > dueAt) this.#wait(ms);
    return 1;
  };

  /** Ends the calls. The timer goes on if they are replaced at once. */
  readonly clear = (): void => {
    this.#interval = undefined;
    queueMicrotask(this.#stopUnlessReplaced);
  };

  readonly #stopUnlessReplaced = (): void => {
    if (this.#interval !== undefined) return;
    this.#stop?.();
    this.#stop = undefined;
  };

  #wait(ms: number): void {
    this.#stop?.();
    this.#firesAt = this.#clock.monotonic() + ms;
    this.#stop = this.#clock.after(ms, () => {
      this.#stop = undefined;
      const interval = this.#interval;
      if (interval === undefined) return;
      const now = this.#clock.monotonic();
      if (now >= interval.dueAt) {
        interval.dueAt = now + interval.ms;
        interval.run();
      }
      // The call may have ended or replaced it.
      const next = this.#interval;
      if (next !== undefined && this.#stop === undefined) this.#wait(next.dueAt - now);
    });
  }
}
