/**
 * Bounds on what keeps Jeedom's PHP workers busy: long polls, and calls that the gateway gave up.
 *
 * A worker that waits goes on until its time is over, whether or not its caller is still there: Apache has 150 of
 * them, and when all of them wait, the whole house stands still.
 *
 * @module
 */
import { ServiceError } from "../service.ts";

/** Longest time after which a client is told to come again, in seconds: as with every other refusal. */
const MAX_RETRY_SECONDS = 60;

/** Bounds on workers. */
export interface JeedomWorkersOptions {
  /** Most workers that wait, for all keys together. */
  readonly max: number;
  /** Most of them for one key. */
  readonly maxPerKey: number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** A worker that is busy, and counted. */
export interface Worker {
  /** Counts it no more: it has answered, or never began. */
  release(): void;
  /** Counts it until its time is over: no answer will come, but it may run on. */
  abandon(): void;
}

interface Occupied {
  readonly key: string;
  /** When it is expected to end, in milliseconds of the monotonic clock. */
  readonly endsAt: number;
  /** Whether nothing will tell of its end. */
  isAbandoned: boolean;
}

/** Counts the workers that wait, for each key and in all. */
export class JeedomWorkers {
  readonly #options: JeedomWorkersOptions;
  readonly #polls = new Set<Occupied>();
  readonly #overdue = new Set<Occupied>();

  /** Makes a count with no worker waiting. */
  constructor(options: JeedomWorkersOptions) {
    this.#options = options;
  }

  /** Number of workers that wait. */
  get size(): number {
    this.#forgetEnded();
    return this.#polls.size + this.#overdue.size;
  }

  /**
   * Counts a long poll.
   *
   * @param key name of the key that asks
   * @param ms how long the poll keeps its worker at most
   * @throws {ServiceError} if the key, or all keys together, have too many workers waiting
   */
  startPoll(key: string, ms: number): Worker {
    this.#forgetEnded();
    const { max, maxPerKey } = this.#options;
    const all = [...this.#polls, ...this.#overdue];
    const own = all.filter((worker) => worker.key === key);
    if (own.length >= maxPerKey) throw this.#busy("Too many polls with this key wait in Jeedom", own);
    // A key has no more than are left for all others, and the last quarter is for keys that have none.
    const free = max - all.length;
    const left = own.length === 0 ? free : free - Math.floor(max / 4);
    if (own.length >= left) throw this.#busy("Too many polls wait in Jeedom", all);
    return this.#add(this.#polls, key, ms);
  }

  /**
   * Asks whether a key may make a call other than a poll.
   *
   * @throws {ServiceError} if Jeedom is still busy with too many earlier calls of the key, which were given up
   */
  startCall(key: string): void {
    this.#forgetEnded();
    const own = [...this.#overdue].filter((worker) => worker.key === key);
    if (own.length >= this.#options.maxPerKey) {
      throw this.#busy("Jeedom has not finished earlier calls with this key", own);
    }
  }

  /**
   * Counts a call without an answer, from the moment that it is given up.
   *
   * @param key name of the key that asked
   * @param ms how long to count it at most
   */
  giveUp(key: string, ms: number): Worker {
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
