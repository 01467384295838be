/** Bytes on their way: each is delivered when its time has come, in order. */

/** How a piece travels. */
export interface Delay {
  /** How long it is on its way, in milliseconds. */
  readonly latencyMs?: number;
  /** How much longer or shorter that may be by chance, in milliseconds. */
  readonly jitterMs?: number;
  /** Most bytes in a second. */
  readonly bytesPerSecond?: number;
  /** Pause after the piece, in milliseconds. */
  readonly slicePauseMs?: number;
}

/** What the line needs. */
export interface DelayLineOptions {
  /** A clock that never jumps, in milliseconds. */
  readonly now: () => number;
  /** Takes a piece at the end of the line; the next one waits for it. */
  readonly deliver: (piece: Uint8Array) => Promise<void>;
  /** Ends all waiting: what is on its way is lost. */
  readonly left: AbortSignal;
}

/** Most bytes on their way: who sends more has to wait, as on a real line. */
const MAX_BYTES = 1024 * 1024;

/** A line with latency, jitter and bandwidth. */
export class DelayLine {
  readonly #options: DelayLineOptions;
  #last: Promise<void> = Promise.resolve();
  #bytes = 0;
  #room = Promise.withResolvers<void>();
  /** When the piece before is through the narrow part, and when it arrives. */
  #free = 0;
  #due = 0;

  /** Makes a line that is empty. */
  constructor(options: DelayLineOptions) {
    this.#options = options;
  }

  /** Puts a piece on the line, as soon as there is room. */
  async send(piece: Uint8Array, delay: Delay, random: () => number): Promise<void> {
    const { now, deliver, left } = this.#options;
    while (this.#bytes >= MAX_BYTES && !left.aborted) await this.#room.promise;
    this.#bytes += piece.length;
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond = Infinity, slicePauseMs = 0 } = delay;
    this.#free = Math.max(now(), this.#free) + piece.length / bytesPerSecond * 1000 + slicePauseMs;
    const travel = Math.max(0, latencyMs + (2 * random() - 1) * jitterMs);
    this.#due = Math.max(this.#due, this.#free - slicePauseMs + travel);
    const due = this.#due;
    this.#last = this.#last.then(async () => {
      await pause(due - now(), left);
      if (!left.aborted) await deliver(piece);
      this.#bytes -= piece.length;
      this.#room.resolve();
      this.#room = Promise.withResolvers<void>();
    });
  }

  /** Settles when everything has arrived. */
  empty(): Promise<void> {
    return this.#last;
  }
}

/** Waits so many milliseconds, or until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = () => resolve();
  signal.addEventListener("abort", stop);
  await promise;
  signal.removeEventListener("abort", stop);
  clearTimeout(timer);
}
