/**
 * When a request was stamped, and whether it can ever have run.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";

/** How far a timestamp may be from the clock of a gateway whose `MAX_AGE_SECONDS` was left alone, in seconds. */
const MAX_AGE_SECONDS = 60;

/** The time of a request. */
export class RequestTimestamp {
  /** What the request says, in seconds since 1970. */
  readonly timestamp: number;
  readonly #clock: Clock;
  readonly #wall: number;
  readonly #monotonic: number;

  /** Takes the time now, of a clock that is behind the gateway's by some milliseconds. */
  constructor(clock: Clock, behindMs: number) {
    this.#clock = clock;
    this.#wall = clock.now();
    this.#monotonic = clock.monotonic();
    this.timestamp = (this.#wall + behindMs) / 1000;
  }

  /**
   * Tells whether the request was too old for the gateway ever since it was sealed. Only then no copy of it can have
   * run before this one was refused, and none ever will: see docs/protocol.md, Correcting the clock.
   *
   * @param gatewayTime what the refusal says, in seconds since 1970
   */
  wasAlwaysTooOld(gatewayTime: number): boolean {
    // One of them may have been set meanwhile, the other one may have slept.
    const elapsedMs = Math.max(this.#clock.now() - this.#wall, this.#clock.monotonic() - this.#monotonic);
    return gatewayTime - this.timestamp > MAX_AGE_SECONDS + elapsedMs / 1000;
  }
}
