/**
 * A replay store in the memory of the process: lives and dies with it.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import { StampRanges } from "./stamp_ranges.ts";
import type { Claim, Recollection, ReplayStore, RequestIdentity } from "./replay_store.ts";

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
  readonly expires: number;
  readonly tag: string;
  readonly timestamp: number;
  answer: Promise<SealedText | undefined>;
  answerBytes: number;
}

/** What an identity costs with its share of the map, its strings and its promise, in bytes. */
const ENTRY_BYTES = 512;

/**
 * Makes an empty store.
 *
 * Identities are never forgotten early: when they alone fill the memory, claims answer `full`. Kept answers
 * make room for them, oldest first.
 */
export function createMemoryReplayStore(options: MemoryReplayOptions): MemoryReplayStore {
  // Every entry lives equally long, so insertion order is also the order of expiry.
  const entries = new Map<string, Entry>();
  const answered = new Set<Entry>();
  const noAnswer = Promise.resolve(undefined);
  // In whole seconds, as many clients stamp their requests so.
  const since = Math.floor(options.since);
  let bytes = 0;
  // Not all that is older than the newest: while a clock is ahead, stamps come from the future, and whatever comes when
  // it is right again is older than those.
  const forgotten = new StampRanges();

  function dropAnswer(entry: Entry): void {
    if (!answered.delete(entry)) return;
    bytes -= entry.answerBytes;
    entry.answer = noAnswer;
  }

  function dropExpired(now: number): void {
    for (const [id, entry] of entries) {
      if (entry.expires >= now) return;
      entries.delete(id);
      forgotten.add(entry.timestamp);
      bytes -= ENTRY_BYTES;
      dropAnswer(entry);
    }
  }

  function makeRoom(size: number): boolean {
    for (const entry of answered) {
      if (bytes + size <= options.maxBytes) break;
      dropAnswer(entry);
    }
    return bytes + size <= options.maxBytes;
  }

  function keepAnswer(id: string, entry: Entry, answer: SealedText | undefined): void {
    // One answer may not push out all the others.
    const fits = answer !== undefined && answer.length <= Math.min(options.maxAnswerBytes, options.maxBytes / 4);
    const keep = fits && entries.get(id) === entry;
    if (!keep || !makeRoom(answer.length)) {
      entry.answer = noAnswer;
      return;
    }
    entry.answerBytes = answer.length;
    bytes += answer.length;
    answered.add(entry);
  }

  return {
    claim({ kid, nonce, tag, timestamp }) {
      const now = options.monotonic();
      dropExpired(now);
      if (Math.floor(timestamp) < since) return { kind: "forgotten" };
      const id = idOf({ kid, nonce });
      const tagText = tag.toBase64();
      const seen = entries.get(id);
      if (seen !== undefined) {
        return seen.tag === tagText ? { kind: "repeat", answer: seen.answer } : { kind: "nonce reused" };
      }
      if (forgotten.includes(timestamp)) return { kind: "forgotten" };
      if (!makeRoom(ENTRY_BYTES)) return { kind: "full" };
      bytes += ENTRY_BYTES;
      const { promise, resolve } = Promise.withResolvers<SealedText | undefined>();
      const entry: Entry = {
        expires: now + options.seconds * 1000,
        tag: tagText,
        timestamp,
        answer: promise,
        answerBytes: 0,
      };
      entries.set(id, entry);
      return {
        kind: "first",
        settle(answer) {
          resolve(answer);
          keepAnswer(id, entry, answer);
        },
      };
    },
    recall({ kid, nonce, tag }) {
      dropExpired(options.monotonic());
      const seen = entries.get(idOf({ kid, nonce }));
      return seen?.tag === tag.toBase64() ? { kind: "repeat", answer: seen.answer } : { kind: "unknown" };
    },
    get usage() {
      return { entries: entries.size, bytes };
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function idOf({ kid, nonce }: Pick<RequestIdentity, "kid" | "nonce">): string {
  return `${nonce.toBase64()} ${kid}`;
}
