/**
 * Reads a shared log in order: first what it keeps, then each new entry.
 *
 * @module
 */
import { type Clock, sleep } from "../../lib/clock.ts";
import type { EventLog, LogState, StoredLogEntry } from "./event_log.ts";

/** Receives the entries of a log. */
export interface LogFollower {
  /** Begins with the first entry that a log keeps; called again when the log begins anew. */
  begin(state: LogState): void;
  /** Reports that all entries before one are deleted, some of them unread. */
  trimmed(first: number): void;
  /** Receives the next entry; the reader waits until the promise, if there is one, settles. */
  entry(stored: StoredLogEntry): Promise<void> | undefined;
}

/** Parts of a reader. */
export interface LogReaderOptions {
  /** The log. */
  readonly log: Pick<EventLog, "read">;
  /** Receives the entries. */
  readonly follower: LogFollower;
  /** Clock of the waits after failures. */
  readonly clock: Pick<Clock, "after">;
  /** Called when reading fails repeatedly, once until it works again; with undefined when it does. */
  readonly onChange: (error: unknown) => void;
  /** Called with errors that only a defect of the gateway can cause. */
  readonly onFault: (error: unknown) => void;
}

/** Point that a caller waits for. */
interface Waiter {
  readonly epoch: string;
  readonly sequence: number;
  readonly resolve: () => void;
}

/** Longest wait for an entry in one call, in milliseconds. */
const WAIT_MS = 5_000;

/** Wait after a failure, in milliseconds: the connection to the server has a backoff of its own. */
const RETRY_MS = 200;

/** Failures in a row that are reported: the first one is that a process starts before its connection to the server. */
const REPORTED_FAILURES = 2;

/** Reader of one log. */
export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #waiters = new Set<Waiter>();
  /** Lowest sequence that a waiter may wait for: the others need not be asked at each entry. */
  #nextWaited = Infinity;
  #epoch: string | undefined;
  #sequence = 0;
  /** Sequence of the last entry of the log, when it was read. */
  #last = 0;
  #failures = 0;
  #error: unknown;

  /** Makes a reader that has read nothing. */
  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  /** Number of entries that it has not read, as far as it knows. */
  get lag(): number {
    return Math.max(0, this.#last - this.#sequence);
  }

  /** Error of the last attempts to read; undefined if one of them succeeded. */
  get error(): unknown {
    return this.#failures < REPORTED_FAILURES ? undefined : this.#error;
  }

  /** Reads until the signal is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock, onChange } = this.#options;
    while (!signal.aborted) {
      try {
        // The first time, and after a failure, it does not wait: the log may have begun anew.
        const isKnown = this.#epoch !== undefined && this.#failures === 0;
        const page = await log.read(this.#sequence, { waitMs: isKnown ? WAIT_MS : 0, signal });
        if (this.#failures >= REPORTED_FAILURES) onChange(undefined);
        this.#failures = 0;
        this.#last = page.last;
        const isAnew = page.epoch !== this.#epoch;
        // A server that restarted several times, and lost what it skipped the first time: what it keeps was read.
        const isBehind = !isAnew && page.last < this.#sequence;
        // The page of a log that begins anew lacks its first entries.
        const isPart = isBehind || (isAnew && this.#sequence > 0);
        if (isAnew) this.#begin(page);
        else if (isBehind) this.#begin({ ...page, first: page.last + 1 });
        else if (page.first > this.#sequence + 1) this.#skip(page.first);
        if (isPart) continue;
        for (const stored of page.entries) {
          if (signal.aborted) return;
          // An entry that a gap has passed.
          if (stored.sequence > this.#sequence) await this.#pass(stored);
        }
        this.#notify();
      } catch (error) {
        if (signal.aborted) return;
        this.#failures += 1;
        this.#error = error;
        if (this.#failures === REPORTED_FAILURES) onChange(error);
        await sleep(RETRY_MS, { clock, signal }).catch(() => {});
      }
    }
  }

  /**
   * Waits until it has read up to an entry.
   *
   * @param signal ends the wait
   * @throws the signal's reason
   */
  async reached(
    { epoch, sequence }: { readonly epoch: string; readonly sequence: number },
    signal: AbortSignal,
  ): Promise<
    void
  > {
    signal.throwIfAborted();
    if (this.#hasReached({ epoch, sequence })) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { epoch, sequence, resolve };
    const abort = () => reject(signal.reason);
    this.#waiters.add(waiter);
    this.#nextWaited = Math.min(this.#nextWaited, sequence);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", abort);
    }
  }

  #begin(state: LogState): void {
    this.#epoch = state.epoch;
    this.#sequence = 0;
    this.#options.follower.begin(state);
    // Entries that are deleted count as read: the history begins after them.
    this.#sequence = state.first - 1;
  }

  #skip(first: number): void {
    this.#sequence = first - 1;
    this.#options.follower.trimmed(first);
  }

  async #pass(stored: StoredLogEntry): Promise<void> {
    try {
      await this.#options.follower.entry(stored);
      this.#sequence = stored.sequence;
    } catch (error) {
      this.#options.onFault(error);
      this.#skip(stored.sequence + 1);
    }
    if (this.#sequence >= this.#nextWaited) this.#notify();
  }

  #notify(): void {
    this.#nextWaited = Infinity;
    for (const waiter of this.#waiters) {
      if (this.#hasReached(waiter)) waiter.resolve();
      else if (waiter.epoch === this.#epoch) this.#nextWaited = Math.min(this.#nextWaited, waiter.sequence);
    }
  }

  #hasReached({ epoch, sequence }: Pick<Waiter, "epoch" | "sequence">): boolean {
    return epoch === this.#epoch && sequence <= this.#sequence;
  }
}
