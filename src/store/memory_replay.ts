/**
 * Replay store in the memory of the process.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";
import { FifoQueue } from "../lib/fifo_queue.ts";
import { type HeapItem, MaxHeap } from "../lib/max_heap.ts";
import { KeyShares } from "../limits/key_shares.ts";
import { randomBytes } from "../protocol/bytes.ts";
import { RequestTable } from "./request_table.ts";
import { TimestampRanges } from "./timestamp_ranges.ts";
import type { Claim, Recollection, ReplayLimits, ReplayStore, RequestIdentity } from "./replay_store.ts";

/** Size of a store. */
export interface ReplayUsage {
  /** Stored requests. */
  readonly entries: number;
  /** Size of the requests and their answers, in bytes. */
  readonly bytes: number;
}

/** Requests from a second on. */
export interface RecentRequests {
  /** Second since 1970: of the accepted requests with timestamps from it on, none is missing. */
  readonly since: number;
  /** These requests. */
  readonly requests: readonly RequestIdentity[];
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
  /**
   * Returns the requests with timestamps from a second since 1970 on, or from a later one, before which none is accepted.
   *
   * @returns undefined if there are more than `most`, or if one of them is no longer stored
   */
  recent(from: number, most: number): RecentRequests | undefined;
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

/** Key with stored requests. */
interface KeyRecord extends HeapItem {
  readonly kid: string;
  /** Number of the key, in the order in which they were first used. */
  readonly number: number;
  requests: number;
  /** Requests with kept answers, in the order of the answers, and some whose answer is dropped already. */
  readonly answered: FifoQueue<number>;
  /** Size of the kept answers. */
  answerBytes: number;
}

/** Outcome of a request that runs. */
interface Pending {
  /** Answer for repeats, once there are any. */
  awaited?: PromiseWithResolvers<SealedText | undefined>;
}

/**
 * Size of a stored request with the rest of its answer beside the text, in bytes, as measured: 72 for the request, up to
 * 8 for its share of the buckets, up to 48 for an answer, and what the garbage collector leaves for some time.
 */
export const ENTRY_BYTES = 192;

/** Most expired requests to drop at a claim, while there is room: some 0.2 ms. */
const MAX_DROPPED = 1000;

/**
 * Makes an empty store.
 *
 * Requests are never dropped early: a key whose requests fill its share of the memory gets `full`, and other keys do not.
 * Kept answers are dropped for requests and for newer answers: the oldest of the key with the largest answers.
 */
export function createMemoryReplayStore(options: MemoryReplayOptions): MemoryReplayStore {
  const { memoryBytes, answerBytes: maxAnswerBytes, maxAgeSeconds } = options.limits;
  const [random0 = 0, random1 = 0] = new Uint32Array(randomBytes(8).buffer);
  // All requests have the same lifetime, so the order of claims is also the order of expiry.
  const requests = new RequestTable<KeyRecord, Pending | SealedText>(
    Math.floor(memoryBytes / ENTRY_BYTES),
    [random0, random1],
  );
  const identities = new KeyShares(memoryBytes);
  const keys = new Map<string, KeyRecord>();
  /** Keys with kept answers. */
  const byAnswers = new MaxHeap<KeyRecord>((one, other) =>
    one.answerBytes > other.answerBytes || one.answerBytes === other.answerBytes && one.number < other.number
  );
  let nextKey = 0;
  let answerBytes = 0;
  /** Time of the last call. */
  let now = -Infinity;
  // In whole seconds, as in the timestamps of many clients.
  let since = Math.floor(options.since);
  // Ranges instead of one limit: while a clock is ahead, timestamps are in the future, and valid ones after its
  // correction are older than those.
  const forgotten = new TimestampRanges();

  const bytes = () => identities.bytes + answerBytes;
  const accepts = (timestamp: number) => Math.floor(timestamp) >= since && !forgotten.includes(timestamp);
  const hasAnswer = (position: number) => requests.has(position) && typeof requests.outcomeOf(position) === "string";

  function dropAnswer(position: number): void {
    const answer = requests.outcomeOf(position);
    if (typeof answer !== "string") return;
    requests.setOutcome(position, undefined);
    const key = requests.ownerOf(position);
    key.answerBytes -= answer.length;
    answerBytes -= answer.length;
    // Also those whose answer was dropped out of order: a key in constant use would keep them forever.
    while (key.answered.first !== undefined && !hasAnswer(key.answered.first)) key.answered.shift();
    if (key.answered.first === undefined) byAnswers.remove(key);
    else byAnswers.update(key);
  }

  /** Drops the oldest request if it has expired. */
  function dropExpired(): boolean {
    const { first } = requests;
    if (requests.size === 0 || requests.expiryOf(first) >= now) return false;
    const key = requests.ownerOf(first);
    forgotten.add(requests.timestampOf(first));
    dropAnswer(first);
    requests.removeFirst();
    identities.release(key.kid, ENTRY_BYTES);
    key.requests -= 1;
    if (key.requests === 0) keys.delete(key.kid);
    return true;
  }

  /** Drops expired requests: not all at once, after very many came within a moment. */
  function dropSomeExpired(): void {
    now = options.monotonic();
    for (let count = 0; count < MAX_DROPPED && dropExpired(); count++);
  }

  /** Drops expired requests, then answers of the key with the most bytes, until there is room. */
  function makeRoom(size: number): boolean {
    while (bytes() + size > memoryBytes) {
      if (dropExpired()) continue;
      const oldest = byAnswers.first?.answered.first;
      if (oldest === undefined) return false;
      dropAnswer(oldest);
    }
    return true;
  }

  /** Returns whether a key's share has room for a request, once what has expired is dropped. */
  function hasShare(kid: string): boolean {
    while (!identities.hasRoom(kid, ENTRY_BYTES)) if (!dropExpired()) return false;
    return true;
  }

  function keepAnswer(position: number, answer: SealedText | undefined): void {
    requests.setOutcome(position, undefined);
    // One answer must not evict all others.
    if (answer === undefined || answer.length > Math.min(maxAnswerBytes, memoryBytes / 4)) return;
    // Room may be made by dropping this very request.
    if (!makeRoom(answer.length) || !requests.has(position)) return;
    const key = requests.ownerOf(position);
    requests.setOutcome(position, answer);
    key.answered.push(position);
    key.answerBytes += answer.length;
    answerBytes += answer.length;
    byAnswers.update(key);
  }

  function repeat(position: number): Extract<Claim, { readonly kind: "repeat" }> {
    const outcome = requests.outcomeOf(position);
    if (outcome === undefined || typeof outcome === "string") {
      return { kind: "repeat", answer: Promise.resolve(outcome) };
    }
    outcome.awaited ??= Promise.withResolvers();
    return { kind: "repeat", answer: outcome.awaited.promise };
  }

  return {
    claim({ kid, nonce, tag, timestamp }) {
      dropSomeExpired();
      const known = keys.get(kid);
      const seen = known && requests.find(known, nonce);
      if (seen !== undefined) return requests.hasTag(seen, tag) ? repeat(seen) : { kind: "nonce reused" };
      if (!accepts(timestamp)) return { kind: "forgotten" };
      if (!hasShare(kid) || !makeRoom(ENTRY_BYTES)) return { kind: "full" };
      // Not the key from above: its last request may have been dropped since.
      const key = keys.get(kid) ?? makeKeyRecord(kid, nextKey++ >>> 0);
      const outcome: Pending = {};
      const expires = now + 2 * maxAgeSeconds * 1000;
      const position = requests.add({ owner: key, nonce, tag, timestamp, expires, outcome });
      key.requests += 1;
      keys.set(kid, key);
      identities.take(kid, ENTRY_BYTES);
      return {
        kind: "first",
        settle(answer) {
          outcome.awaited?.resolve(answer);
          if (requests.has(position) && requests.outcomeOf(position) === outcome) keepAnswer(position, answer);
        },
      };
    },
    recall({ kid, nonce, tag }) {
      dropSomeExpired();
      const key = keys.get(kid);
      const seen = key && requests.find(key, nonce);
      return seen !== undefined && requests.hasTag(seen, tag) ? repeat(seen) : { kind: "unknown" };
    },
    beginAt(seconds) {
      since = Math.floor(seconds);
    },
    accepts,
    recent(from, most) {
      const begin = Math.max(since, Math.floor(from));
      if (forgotten.last >= begin) return undefined;
      const found: RequestIdentity[] = [];
      for (let index = 0; index < requests.size; index++) {
        const position = (requests.first + index) | 0;
        const timestamp = requests.timestampOf(position);
        if (timestamp < begin) continue;
        if (found.length >= most) return undefined;
        const { kid } = requests.ownerOf(position);
        found.push({ kid, nonce: requests.nonceOf(position), tag: requests.tagOf(position), timestamp });
      }
      return { since: begin, requests: found };
    },
    get usage() {
      return { entries: requests.size, bytes: bytes() };
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function makeKeyRecord(kid: string, number: number): KeyRecord {
  return { kid, number, requests: 0, answered: new FifoQueue(), answerBytes: 0, place: -1 };
}
