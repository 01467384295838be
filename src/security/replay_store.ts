/**
 * The memory of requests that were already accepted, so that none runs twice.
 *
 * @module
 */
import type { SealedText } from "../protocol/envelope.ts";

/** What makes a request the same as another, whatever way its base64 was written. */
export interface RequestIdentity {
  /** Name of the key that opened it. */
  readonly key: string;
  /** Its nonce, decoded. */
  readonly nonce: Uint8Array;
  /** Its authentication tag: differs when a careless client uses one nonce for two requests. */
  readonly tag: Uint8Array;
  /** When its client says that it was made, in seconds since 1970. */
  readonly timestamp: number;
}

/** The outcome of claiming a request. */
export type Claim =
  /** Never seen: run it, then call `settle` exactly once, with the answer or with nothing to keep. */
  | { readonly kind: "first"; settle(answer: SealedText | undefined): void }
  /** Seen: do not run it. `answer` is the first one's, once it has one; undefined if none was kept. */
  | { readonly kind: "repeat"; readonly answer: Promise<SealedText | undefined> }
  /** The nonce was seen on a different request. */
  | { readonly kind: "nonce reused" }
  /** As old as requests that were forgotten: the wall clock went back, and it may have run already. */
  | { readonly kind: "forgotten" }
  /** No room to remember it, so it must not run. */
  | { readonly kind: "full" };

/** Remembers claims for twice the window in which a timestamp is accepted. */
export interface ReplayStore {
  /** Claims a request for the one caller that may run it. Atomic: of any number of equal claims one is first. */
  claim(identity: RequestIdentity): Claim;
}

/** How a store in memory is bounded. */
export interface MemoryReplayOptions {
  /** How long to remember a request, in seconds. */
  readonly seconds: number;
  /** Most bytes to spend, on identities and answers together. */
  readonly maxBytes: number;
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
 * Makes a store that lives and dies with the process.
 *
 * Identities are never forgotten early: when they alone fill the memory, claims answer `full`. Kept answers
 * make room for them, oldest first.
 */
export function createMemoryReplayStore(options: MemoryReplayOptions): ReplayStore {
  // Every entry lives equally long, so insertion order is also the order of expiry.
  const entries = new Map<string, Entry>();
  const answered = new Set<Entry>();
  const noAnswer = Promise.resolve(undefined);
  let bytes = 0;
  let newestForgotten = -Infinity;

  function dropAnswer(entry: Entry): void {
    if (!answered.delete(entry)) return;
    bytes -= entry.answerBytes;
    entry.answer = noAnswer;
  }

  function dropExpired(now: number): void {
    for (const [id, entry] of entries) {
      if (entry.expires >= now) return;
      entries.delete(id);
      newestForgotten = Math.max(newestForgotten, entry.timestamp);
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
    const keep = answer !== undefined && answer.length <= options.maxBytes / 4 && entries.get(id) === entry;
    if (!keep || !makeRoom(answer.length)) {
      entry.answer = noAnswer;
      return;
    }
    entry.answerBytes = answer.length;
    bytes += answer.length;
    answered.add(entry);
  }

  return {
    claim({ key, nonce, tag, timestamp }) {
      const now = options.monotonic();
      dropExpired(now);
      const id = `${nonce.toBase64()} ${key}`;
      const tagText = tag.toBase64();
      const seen = entries.get(id);
      if (seen !== undefined) {
        return seen.tag === tagText ? { kind: "repeat", answer: seen.answer } : { kind: "nonce reused" };
      }
      if (timestamp <= newestForgotten) return { kind: "forgotten" };
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
  };
}
