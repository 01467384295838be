/**
 * Queue of the requests for which many keys are tried.
 *
 * @module
 */

/** Most requests that may wait, of all addresses together: with 10,000 keys some 30 s of work. */
const MAX_WAITING = 64;

/** Too many requests wait for their keys to be tried. */
export class OpeningQueueFullError extends Error {
  /** Makes the error. */
  constructor() {
    super("Too many requests without a key id");
    this.name = "OpeningQueueFullError";
  }
}

interface Waiter {
  readonly start: () => void;
  readonly refuse: (reason: OpeningQueueFullError) => void;
}

/** Runs one piece of work at a time. Addresses take turns, so that one with much work delays each other one by one piece. */
export class OpeningQueue {
  /** Waiting work of each address, the address that is next first. */
  readonly #waiting = new Map<string, Waiter[]>();
  #size = 0;
  #isRunning = false;

  /**
   * Runs work in the turn of an address, and returns its outcome.
   *
   * @throws {OpeningQueueFullError} if the queue is full, and no other address has more in it: if one has, its last work is
   * refused
   */
  async run<T>(address: string, work: () => Promise<T>): Promise<T> {
    if (this.#isRunning) await this.#turn(address);
    this.#isRunning = true;
    try {
      return await work();
    } finally {
      this.#isRunning = this.#startNext();
    }
  }

  #turn(address: string): Promise<void> {
    const own = this.#waiting.get(address) ?? [];
    if (this.#size >= MAX_WAITING) {
      const most = [...this.#waiting.values()].reduce((one, other) => other.length > one.length ? other : one);
      if (most.length <= own.length + 1) throw new OpeningQueueFullError();
      most.pop()?.refuse(new OpeningQueueFullError());
      this.#size -= 1;
    }
    return new Promise((start, refuse) => {
      own.push({ start, refuse });
      this.#waiting.set(address, own);
      this.#size += 1;
    });
  }

  /** Starts the next work, if there is any. */
  #startNext(): boolean {
    for (const [address, waiters] of this.#waiting) {
      this.#waiting.delete(address);
      const next = waiters.shift();
      if (next === undefined) continue;
      // Behind the other addresses.
      if (waiters.length > 0) this.#waiting.set(address, waiters);
      this.#size -= 1;
      next.start();
      return true;
    }
    return false;
  }
}
