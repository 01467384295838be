/**
 * Time limit of the replies of Valkey or Redis.
 *
 * @module
 */
import { FifoQueue } from "../lib/fifo_queue.ts";

/** Tests of a connection within the time limit. */
const TESTS_PER_DEADLINE = 4;

/** Slowest transfer of a large reply, in bytes per second. */
const MIN_BYTES_PER_SECOND = 65_536;

/** Connection that is tested. */
export interface ReplyWatchOptions {
  /** Time limit of replies, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes of a reply up to which it may take longer, as long as it goes on to arrive; 0 for none. */
  readonly largeReplyBytes: number;
  /** Returns the bytes that the connection has received. */
  readonly received: () => number;
  /** Sends a command that does nothing. */
  readonly ping: () => Promise<unknown>;
  /** Called once a reply is late. */
  readonly onLate: () => void;
}

/**
 * Finds commands without replies. Replies come in order, so the oldest command shows what all others wait for; only a
 * connection without commands is sent one. Counts its tests instead of time, as this process may have been suspended.
 */
export class ReplyWatch {
  readonly #options: ReplyWatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  /** For each command that waits for its reply, the number of tests before it was sent. */
  readonly #sent = new FifoQueue<number>();
  #tests = 0;
  #isUsed = false;
  /** Bytes received until the last reply, and until the last test. */
  #replied = 0;
  #tested = 0;

  /** Starts the tests. */
  constructor(options: ReplyWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#test(), options.timeoutMs / TESTS_PER_DEADLINE);
  }

  /** Passes on the reply of a command that was just sent. */
  async follow<T>(reply: Promise<T>): Promise<T> {
    this.#sent.push(this.#tests);
    this.#isUsed = true;
    try {
      return await reply;
    } finally {
      this.#sent.shift();
      this.#replied = this.#options.received();
    }
  }

  /** Ends the tests. */
  close(): void {
    clearInterval(this.#timer);
  }

  #test(): void {
    const { ping, onLate } = this.#options;
    if (!this.#isArriving()) this.#tests += 1;
    const oldest = this.#sent.first;
    if (oldest !== undefined && this.#tests - oldest >= TESTS_PER_DEADLINE) return onLate();
    // An error is a reply as well: the user may lack the right to PING.
    if (!this.#isUsed && oldest === undefined) this.follow(ping()).catch(() => {});
    this.#isUsed = false;
  }

  /** Returns whether a large reply has gone on to arrive since the last test. */
  #isArriving(): boolean {
    const { timeoutMs, largeReplyBytes, received } = this.#options;
    const before = this.#tested;
    this.#tested = received();
    if (this.#sent.first === undefined || this.#tested - this.#replied > largeReplyBytes) return false;
    return this.#tested - before >= MIN_BYTES_PER_SECOND * timeoutMs / TESTS_PER_DEADLINE / 1000;
  }
}
