/**
 * A replay store in the memory of the process: lives and dies with it.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import { FifoQueue } from "../lib/fifo_queue.ts";
import { KeyShares } from "../limits/key_shares.ts";
import { TimestampRanges } from "./timestamp_ranges.ts";
import { type Claim, ENTRY_BYTES, type Recollection, type ReplayStore, type RequestIdentity } from "./replay_store.ts";

/** How much a store holds. */
export interface ReplayUsage {
  /** Requests that are remembered. */
  readonly entries: number;
  /** What they and their answers take, in bytes. */
  readonly bytes: number;
}

/** A replay store that answers at once. */
export interface MemoryReplayStore extends ReplayStore {
  /** How much it holds. */
  readonly usage: ReplayUsage;
  /** Claims a request, without waiting for anything. */
  claim(identity: RequestIdentity): Claim;
  /** Looks for a request, without waiting for anything. */
  recall(identity: Omit<RequestIdentity, "timestamp">): Recollection;
  /**
   * Begins the memory at another time, when the wall clock was set. What ran is still remembered.
   *
   * @param since seconds since 1970: what was stamped earlier is refused
   */
  beginAt(since: number): void;
  /** Whether a new request with this timestamp, in seconds since 1970, can be told from all that ran. */
  accepts(timestamp: number): boolean;
}

/** How a store in memory is bounded. */
export interface MemoryReplayOptions {
  /** How long to remember a request, in seconds. */
  readonly seconds: number;
  /** Most bytes to spend, on identities and answers together. */
  readonly maxBytes: number;
  /** Largest answer to keep for repeats, in bytes. */
  readonly maxAnswerBytes: number;
  /** When the memory begins, in seconds since 1970: what was stamped earlier may have run already. */
  readonly since: number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

interface Entry {
  readonly id: string;
  readonly kid: string;
  readonly expires: number;
  readonly tag: string;
  readonly timestamp: number;
  answer: Promise<SealedText | undefined>;
  /** 0 while no answer is kept. */
  answerBytes: number;
}

/** The kept answers of a key. */
interface Answers {
  /** In the order in which they were given; those whose answer is dropped already are passed over. */
  readonly entries: FifoQueue<Entry>;
  bytes: number;
}

/**
 * Makes an empty store.
 *
 * Identities are never forgotten early: a key whose identities fill its share of the memory gets `full`, and no other
 * one does. Kept answers make room for identities and for newer answers: the oldest of the key that holds most of them.
 */
export function createMemoryReplayStore(options: MemoryReplayOptions): MemoryReplayStore {
  const { maxBytes } = options;
  const entries = new Map<string, Entry>();
  // Every entry lives equally long, so the order of claims is also the order of expiry.
  const claimed = new FifoQueue<Entry>();
  const identities = new KeyShares(maxBytes);
  const answers = new Map<string, Answers>();
  const noAnswer = Promise.resolve(undefined);
  // In whole seconds, as many clients stamp their requests so.
  let since = Math.floor(options.since);
  let answerBytes = 0;
  // Not all that is older than the newest: while a clock is ahead, stamps come from the future, and whatever comes when
  // it is right again is older than those.
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
    // Also those that were dropped out of turn: a key that never pauses would keep them for ever.
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

  /** Drops answers of whichever key holds most, until there is room. */
  function makeRoom(size: number): boolean {
    while (bytes() + size > maxBytes) {
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
    // One answer may not push out all the others.
    const fits = answer !== undefined && answer.length <= Math.min(options.maxAnswerBytes, maxBytes / 4);
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
        expires: now + options.seconds * 1000,
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
