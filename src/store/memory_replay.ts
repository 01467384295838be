/**
 * Replay store in the memory of the process.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import { FifoQueue } from "../lib/fifo_queue.ts";
import { KeyShares } from "../limits/key_shares.ts";
import { TimestampRanges } from "./timestamp_ranges.ts";
import {
  type Claim,
  ENTRY_BYTES,
  type Recollection,
  type ReplayLimits,
  type ReplayStore,
  type RequestIdentity,
} from "./replay_store.ts";

/** Size of a store. */
export interface ReplayUsage {
  /** Stored requests. */
  readonly entries: number;
  /** Size of the requests and their answers, in bytes. */
  readonly bytes: number;
}

/** Replay store that answers synchronously. */
export interface MemoryReplayStore extends ReplayStore {
  /** Current size. */
  readonly usage: ReplayUsage;
  /** Claims a request. */
  claim(identity: RequestIdentity): Claim;
  /** Looks up a request. */
  recall(identity: Omit<RequestIdentity, "timestamp">): Recollection;
  /**
   * Moves the oldest accepted timestamp, after the wall clock was set. Stored requests remain.
   *
   * @param since seconds since 1970: requests with earlier timestamps are refused
   */
  beginAt(since: number): void;
  /** Returns whether a request with this timestamp, in seconds since 1970, is certainly new if it is not stored. */
  accepts(timestamp: number): boolean;
}

/** Limits of a store in memory, and its clock. */
export interface MemoryReplayOptions {
  /** Limits. */
  readonly limits: ReplayLimits;
  /** Oldest accepted timestamp, in seconds since 1970: requests from before may have run already. */
  readonly since: number;
  /** Returns the time of a clock that is never set, in milliseconds. */
  readonly monotonic: () => number;
}

interface Entry {
  readonly id: string;
  readonly kid: string;
  readonly expires: number;
  readonly tag: string;
  readonly timestamp: number;
  answer: Promise<SealedText | undefined>;
  /** Size of the kept answer; 0 without one. */
  answerBytes: number;
}

/** Kept answers of a key. */
interface Answers {
  /** In the order of the answers; entries whose answer is dropped already are skipped. */
  readonly entries: FifoQueue<Entry>;
  bytes: number;
}

/**
 * Makes an empty store.
 *
 * Requests are never dropped early: a key whose requests fill its share of the memory gets `full`, and other keys do not.
 * Kept answers are dropped for requests and for newer answers: the oldest of the key with the largest answers.
 */
export function createMemoryReplayStore(options: MemoryReplayOptions): MemoryReplayStore {
  const { memoryBytes, answerBytes: maxAnswerBytes, maxAgeSeconds } = options.limits;
  const entries = new Map<string, Entry>();
  // All entries have the same lifetime, so the order of claims is also the order of expiry.
  const claimed = new FifoQueue<Entry>();
  const identities = new KeyShares(memoryBytes);
  const answers = new Map<string, Answers>();
  const noAnswer = Promise.resolve(undefined);
  // In whole seconds, as in the timestamps of many clients.
  let since = Math.floor(options.since);
  let answerBytes = 0;
  // Ranges instead of one limit: while a clock is ahead, timestamps are in the future, and valid ones after its
  // correction are older than those.
  const forgotten = new TimestampRanges();

  const bytes = () => identities.bytes + answerBytes;
  const accepts = (timestamp: number) => Math.floor(timestamp) >= since && !forgotten.includes(timestamp);

  function dropAnswer(entry: Entry): void {
    const kept = answers.get(entry.kid);
    if (kept === undefined || entry.answerBytes === 0) return;
    kept.bytes -= entry.answerBytes;
    answerBytes -= entry.answerBytes;
    entry.answerBytes = 0;
    entry.answer = noAnswer;
    // Also entries whose answer was dropped out of order: a key in constant use would keep them forever.
    while (kept.entries.first?.answerBytes === 0) kept.entries.shift();
    if (kept.bytes === 0) answers.delete(entry.kid);
  }

  function dropExpired(now: number): void {
    for (let entry = claimed.first; entry !== undefined && entry.expires < now; entry = claimed.first) {
      claimed.shift();
      entries.delete(entry.id);
      forgotten.add(entry.timestamp);
      identities.release(entry.kid, ENTRY_BYTES);
      dropAnswer(entry);
    }
  }

  /** Drops answers of the key with the most bytes until there is room. */
  function makeRoom(size: number): boolean {
    while (bytes() + size > memoryBytes) {
      let largest: Answers | undefined;
      for (const kept of answers.values()) {
        if (kept.bytes > (largest?.bytes ?? 0)) largest = kept;
      }
      const oldest = largest?.entries.shift();
      if (oldest === undefined) return false;
      dropAnswer(oldest);
    }
    return true;
  }

  function keepAnswer(entry: Entry, answer: SealedText | undefined): void {
    // One answer must not evict all others.
    const fits = answer !== undefined && answer.length <= Math.min(maxAnswerBytes, memoryBytes / 4);
    const keep = fits && entries.get(entry.id) === entry;
    if (!keep || !makeRoom(answer.length)) {
      entry.answer = noAnswer;
      return;
    }
    const kept = answers.get(entry.kid) ?? { entries: new FifoQueue<Entry>(), bytes: 0 };
    answers.set(entry.kid, kept);
    kept.entries.push(entry);
    kept.bytes += answer.length;
    entry.answerBytes = answer.length;
    answerBytes += answer.length;
  }

  return {
    claim({ kid, nonce, tag, timestamp }) {
      const now = options.monotonic();
      dropExpired(now);
      const id = idOf({ kid, nonce });
      const tagText = tag.toBase64();
      const seen = entries.get(id);
      if (seen !== undefined) {
        return seen.tag === tagText ? { kind: "repeat", answer: seen.answer } : { kind: "nonce reused" };
      }
      if (!accepts(timestamp)) return { kind: "forgotten" };
      if (!identities.hasRoom(kid, ENTRY_BYTES) || !makeRoom(ENTRY_BYTES)) return { kind: "full" };
      identities.take(kid, ENTRY_BYTES);
      const { promise, resolve } = Promise.withResolvers<SealedText | undefined>();
      const entry: Entry = {
        id,
        kid,
        expires: now + 2 * maxAgeSeconds * 1000,
        tag: tagText,
        timestamp,
        answer: promise,
        answerBytes: 0,
      };
      entries.set(id, entry);
      claimed.push(entry);
      return {
        kind: "first",
        settle(answer) {
          resolve(answer);
          keepAnswer(entry, answer);
        },
      };
    },
    recall({ kid, nonce, tag }) {
      dropExpired(options.monotonic());
      const seen = entries.get(idOf({ kid, nonce }));
      return seen?.tag === tag.toBase64() ? { kind: "repeat", answer: seen.answer } : { kind: "unknown" };
    },
    beginAt(seconds) {
      since = Math.floor(seconds);
    },
    accepts,
    get usage() {
      return { entries: entries.size, bytes: bytes() };
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function idOf({ kid, nonce }: Pick<RequestIdentity, "kid" | "nonce">): string {
  return `${nonce.toBase64()} ${kid}`;
}
