/**
 * Limits of busy PHP workers in Jeedom: long polls, and calls that have timed out in the gateway.
 *
 * A worker waits until its time is over, whether or not its caller is still connected: Apache has 150 of them, and when
 * all of them wait, Jeedom does nothing else.
 *
 * @module
 */
import { ServiceError } from "../service.ts";

/** Longest time until a retry, in seconds: as with every other refusal. */
const MAX_RETRY_SECONDS = 60;

/** Limits of workers. */
export interface JeedomWorkersOptions {
  /** Maximum number of waiting workers, for all keys together. */
  readonly max: number;
  /** The same for one key. */
  readonly maxPerKey: number;
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}

/** A busy worker. */
export interface Worker {
  /** Stops counting it: it has answered, or never began. */
  release(): void;
  /** Counts it until its time is over: no answer will arrive, but it may still be running. */
  abandon(): void;
}

interface Occupied {
  readonly key: string;
  /** Expected end, in milliseconds of the monotonic clock. */
  readonly endsAt: number;
  /** True if no end will be signalled. */
  isAbandoned: boolean;
}

/** Counts the waiting workers, for each key and in total. */
export class JeedomWorkers {
  readonly #options: JeedomWorkersOptions;
  readonly #polls = new Set<Occupied>();
  readonly #overdue = new Set<Occupied>();

  /** Makes a count without workers. */
  constructor(options: JeedomWorkersOptions) {
    this.#options = options;
  }

  /** Number of waiting workers. */
  get size(): number {
    this.#forgetEnded();
    return this.#polls.size + this.#overdue.size;
  }

  /**
   * Counts a long poll.
   *
   * @param key name of the key of the request
   * @param ms longest time that the poll occupies its worker
   * @throws {ServiceError} if the key, or all keys together, have too many workers waiting
   */
  startPoll(key: string, ms: number): Worker {
    this.#forgetEnded();
    const { max, maxPerKey } = this.#options;
    const all = [...this.#polls, ...this.#overdue];
    const own = all.filter((worker) => worker.key === key);
    if (own.length >= maxPerKey) throw this.#busy("Too many polls with this key wait in Jeedom", own);
    // A key has at most as many as are free for all others, and the last quarter is for keys without any.
    const free = max - all.length;
    const left = own.length === 0 ? free : free - Math.floor(max / 4);
    if (own.length >= left) throw this.#busy("Too many polls wait in Jeedom", all);
    return this.#add(this.#polls, key, ms);
  }

  /**
   * Requires that a key may make a call other than a poll.
   *
   * @throws {ServiceError} if Jeedom is still busy with too many earlier calls of the key, which have timed out
   */
  startCall(key: string): void {
    this.#forgetEnded();
    const own = [...this.#overdue].filter((worker) => worker.key === key);
    if (own.length >= this.#options.maxPerKey) {
      throw this.#busy("Jeedom has not finished earlier calls with this key", own);
    }
  }

  /**
   * Counts a call without an answer, from its timeout.
   *
   * @param key name of the key of the request
   * @param ms longest time to count it
   */
  startOverdue(key: string, ms: number): Worker {
    return this.#add(this.#overdue, key, ms);
  }

  #add(workers: Set<Occupied>, key: string, ms: number): Worker {
    const worker = { key, endsAt: this.#options.monotonic() + ms, isAbandoned: false };
    workers.add(worker);
    return {
      release: () => void workers.delete(worker),
      abandon: () => void (worker.isAbandoned = true),
    };
  }

  #forgetEnded(): void {
    const now = this.#options.monotonic();
    for (const workers of [this.#polls, this.#overdue]) {
      for (const worker of workers) if (worker.isAbandoned && worker.endsAt <= now) workers.delete(worker);
    }
  }

  #busy(message: string, workers: readonly Occupied[]): ServiceError {
    const next = Math.min(...workers.map(({ endsAt }) => endsAt));
    const seconds = Math.ceil((next - this.#options.monotonic()) / 1000);
    const retryAfterSeconds = Math.min(Math.max(1, seconds), MAX_RETRY_SECONDS);
    return new ServiceError(429, message, { code: "busy", retryAfterSeconds });
  }
}
