/**
 * Recognizes messages that the log refuses each time although it takes other entries: too large for the server's memory
 * or for a proxy, or for the time limit on a slow link. The broker would send such a message again for ever, and nothing
 * behind it would pass.
 *
 * @module
 */
import type { BrokerMessage } from "../broker.ts";
import { contentHash } from "./content_hash.ts";
import { LeaseLostError, type LogEntry } from "./event_log.ts";

/** Failures in a row of a message that was appended alone, after which it is left out. */
const MAX_FAILURES = 5;

/** Shortest time from the first to the last of them, in milliseconds: a server that is short of memory may recover. */
const MIN_FAILING_MS = 10_000;

/** Failures of a message. */
interface Failures {
  readonly count: number;
  /** Time of the first one, in milliseconds. */
  readonly since: number;
}

/**
 * Counts failures of messages of QoS 1 in a row. Each is after a gap that the log took on the same connection to the
 * broker: while the log takes nothing, no message is tried.
 */
export class RefusedMessages {
  readonly #monotonic: () => number;
  /** Failures of the messages of the last step that failed, by the hash of their contents. */
  #failures = new Map<string, Failures>();

  /**
   * Makes it without failures.
   *
   * @param monotonic time on a clock that never jumps, in milliseconds
   */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Returns whether an entry is to be appended alone, as a step with it has failed. */
  isSuspect(entry: LogEntry): boolean {
    return this.#failures.size > 0 && entry.type === "message" && this.#failures.has(contentHash(entry.message));
  }

  /** Returns whether a message is to be left out. */
  isRefused(message: BrokerMessage): boolean {
    if (this.#failures.size === 0) return false;
    const failures = this.#failures.get(contentHash(message));
    return failures !== undefined && failures.count >= MAX_FAILURES &&
      this.#monotonic() - failures.since >= MIN_FAILING_MS;
  }

  /** Forgets a message: it is in the log, or left out. */
  forget(message: BrokerMessage): void {
    if (this.#failures.size > 0) this.#failures.delete(contentHash(message));
  }

  /** Runs a step that appends entries, and counts its failure; throws as the step does. */
  async attempt(entries: readonly LogEntry[], append: () => Promise<unknown>): Promise<void> {
    const messages = entries.flatMap((entry) =>
      entry.type === "message" && entry.message.qos > 0 ? [entry.message] : []
    );
    try {
      await append();
    } catch (error) {
      if (!(error instanceof LeaseLostError) && messages.length > 0) this.#count(messages, entries.length === 1);
      throw error;
    }
    for (const message of messages) this.forget(message);
  }

  /** Counts a failure of messages; which of several is at fault is not known. */
  #count(messages: readonly BrokerMessage[], isAlone: boolean): void {
    const now = this.#monotonic();
    this.#failures = new Map(messages.map((message) => {
      const hash = contentHash(message);
      const { count, since } = this.#failures.get(hash) ?? { count: 0, since: now };
      return [hash, { count: count + (isAlone ? 1 : 0), since }];
    }));
  }
}
