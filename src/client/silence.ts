/**
 * How long a stream may be silent.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import { TruncatedError } from "./gateway_error.ts";

/** A stream without a sign of life for so long is dead, in milliseconds: the gateway gives one at least every 15 s. */
export const SILENCE_MS = 45_000;

/** Gives a stream up when it is silent. Only waiting for it counts, not the time in which the caller is busy. */
export class SilenceTimer {
  /** Aborted when the stream is given up, or when the caller wants the end. */
  readonly signal: AbortSignal;
  readonly #over = new AbortController();
  readonly #clock: Clock;
  #stop = () => {};

  /** Makes it; nobody listens yet. */
  constructor(clock: Clock, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.signal = signal === undefined ? this.#over.signal : AbortSignal.any([signal, this.#over.signal]);
  }

  /** Begins to listen, or takes notice of a sign of life. */
  listen(): void {
    this.#stop();
    this.#stop = this.#clock.after(SILENCE_MS, () => {
      this.#over.abort(new TruncatedError(`Stream went silent: nothing came for ${SILENCE_MS / 1000} s`));
    });
  }

  /** Listens no more. */
  rest(): void {
    this.#stop();
  }
}
