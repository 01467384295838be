/**
 * Replay store in Valkey or Redis: survives restarts of the process, and is shared by several gateways.
 *
 * It stores nonces, tags and sealed answers, never the text of a request.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../observability/log.ts";
import type { SealedText } from "../protocol/aead.ts";
import { FifoQueue } from "../lib/fifo_queue.ts";
import { KeyShares } from "../limits/key_shares.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { watchRedisDurability } from "./redis_durability.ts";
import type { Claim, Recollection, ReplayLimits, ReplayStore, RequestIdentity } from "./replay_store.ts";

/** Server and limits of a store. */
export interface RedisReplayOptions {
  /** Connection to the server, which the caller closes after the store. */
  readonly connection: RedisConnection;
  /** Prefix of the keys, such as `e2eg:replay:`. */
  readonly prefix: string;
  /** Time for which other gateways may still use a server that another one has replaced, in milliseconds; 0 by default. */
  readonly overlapMs?: number | undefined;
  /** Limits, of which `memoryBytes` counts for this gateway alone. */
  readonly limits: ReplayLimits;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Returns the time of a clock that is never set, in milliseconds. */
  readonly monotonic: () => number;
  /** Logger for problems of the server. */
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** Value of a request on the server: its tag, then a space once it has run, then the answer if one is kept. */
interface StoredRequest {
  readonly tag: string;
  readonly isSettled: boolean;
  readonly answer: SealedText | undefined;
}

/** Bytes on the server, and the share that they count against. */
interface Spending {
  readonly shares: KeyShares;
  readonly kid: string;
  readonly bytes: number;
}

/** Answer of a request. */
interface Settled {
  readonly kid: string;
  readonly answer: SealedText | undefined;
}

/** Replay store on a server. */
export interface RedisReplayStore extends ReplayStore {
  /** Oldest accepted timestamp, in seconds since 1970; undefined before it is known. */
  readonly since: number | undefined;
}

/** Size of a request on the server without its answer, in bytes: its key, its value and its share of two tables. */
const ENTRY_BYTES = 512;
/** Interval of polls for the answer of a request that runs in another process, in milliseconds. */
const POLL_MS = 200;
/** Most polls for one answer: 30 s is longer than a client waits. */
const POLLS = 150;

/** Claims a request if the server still has the marker: a server that was emptied must refuse it before the next check. */
const CLAIM = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return redis.error_reply("FORGOT") end
return redis.call("SET", KEYS[2], ARGV[2], "NX", "GET", "PX", ARGV[3])`;

/** Makes a store. Until the server is connected, claims return `unavailable`. */
export function createRedisReplayStore(options: RedisReplayOptions): RedisReplayStore {
  const { connection, prefix, overlapMs, limits, now, monotonic, log } = options;
  const seconds = 2 * limits.maxAgeSeconds;
  // Keys of claims have a colon after the prefix, so none equals this one.
  const durability = watchRedisDurability({
    connection,
    key: `${prefix}since`,
    seconds,
    overlapMs,
    now,
    monotonic,
    log,
  });
  const stop = new AbortController();
  /** Answers that this process waits for, by Redis key. */
  const awaited = new Map<string, Promise<SealedText | undefined>>();
  const settling = new Set<Promise<void>>();
  // Half for each: answers on a server are not dropped for requests.
  const identities = new KeyShares(limits.memoryBytes / 2);
  const answers = new KeyShares(limits.memoryBytes / 2);
  /** Bytes of this process on the server, in order of expiry. */
  const spent = new FifoQueue<Spending & { readonly expires: number }>();

  function hasRoom({ shares, kid, bytes }: Spending): boolean {
    const time = monotonic();
    for (let oldest = spent.first; oldest !== undefined && oldest.expires < time; oldest = spent.first) {
      spent.shift();
      oldest.shares.release(oldest.kid, oldest.bytes);
    }
    return shares.hasRoom(kid, bytes);
  }

  function spend(spending: Spending): void {
    spending.shares.take(spending.kid, spending.bytes);
    spent.push({ ...spending, expires: monotonic() + seconds * 1000 });
  }

  function keyOf({ kid, nonce }: Pick<RequestIdentity, "kid" | "nonce">): string {
    return `${prefix}${kid}:${nonce.toBase64()}`;
  }

  function claimFirst(key: string, { kid, tag }: { readonly kid: string; readonly tag: string }): Claim {
    const { promise, resolve } = Promise.withResolvers<SealedText | undefined>();
    awaited.set(key, promise);
    return {
      kind: "first",
      settle(answer) {
        resolve(answer);
        const kept = keepAnswer(key, tag, { kid, answer }).finally(() => {
          settling.delete(kept);
          if (awaited.get(key) === promise) awaited.delete(key);
        });
        settling.add(kept);
      },
    };
  }

  /** Stores an answer. Never throws: after a failure, repeats get no answer. */
  async function keepAnswer(key: string, tag: string, { kid, answer }: Settled): Promise<void> {
    const spending = { shares: answers, kid, bytes: answer?.length ?? 0 };
    const fits = answer !== undefined && answer.length <= limits.answerBytes && hasRoom(spending);
    if (fits) spend(spending);
    try {
      const client = await durability.trusted();
      await client?.set(key, `${tag} ${fits ? answer : ""}`, { condition: "XX", expiration: { type: "KEEPTTL" } });
    } catch {
      // A lost connection is logged elsewhere; a full server also refuses the next claim.
    }
  }

  function repeat(key: string, seen: StoredRequest): Extract<Claim, { readonly kind: "repeat" }> {
    const answer = seen.isSettled ? Promise.resolve(seen.answer) : awaited.get(key) ?? awaitAnswer(key);
    return { kind: "repeat", answer };
  }

  /** Waits for the answer of a request that runs in another process, once for all its repeats. */
  function awaitAnswer(key: string): Promise<SealedText | undefined> {
    const answer = poll(key).finally(() => {
      if (awaited.get(key) === answer) awaited.delete(key);
    });
    awaited.set(key, answer);
    return answer;
  }

  async function poll(key: string): Promise<SealedText | undefined> {
    for (let polls = 0; polls < POLLS; polls++) {
      await pause(POLL_MS, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) break;
      const client = await durability.trusted();
      const text = await client?.get(key).catch(() => undefined);
      if (text === null) return undefined;
      if (text === undefined) continue;
      const { isSettled, answer } = parseValue(text);
      if (isSettled) return answer;
    }
    return undefined;
  }

  async function recall(identity: Omit<RequestIdentity, "timestamp">): Promise<Recollection> {
    const client = await durability.trusted();
    if (client === undefined) return { kind: "unavailable" };
    const key = keyOf(identity);
    try {
      const text = await client.get(key);
      const seen = text === null ? undefined : parseValue(text);
      return seen?.tag === identity.tag.toBase64() ? repeat(key, seen) : { kind: "unknown" };
    } catch {
      // A lost connection is logged elsewhere.
      return { kind: "unavailable" };
    }
  }

  return {
    async claim(identity) {
      const client = await durability.trusted();
      if (client === undefined) return { kind: "unavailable" };
      if (durability.isForgotten(identity)) return { kind: "forgotten" };
      const { kid } = identity;
      const spending = { shares: identities, kid, bytes: ENTRY_BYTES };
      if (!hasRoom(spending)) {
        const known = await recall(identity);
        return known.kind === "unknown" ? { kind: "full" } : known;
      }
      durability.note(identity);
      const key = keyOf(identity);
      const tag = identity.tag.toBase64();
      let text: string | null;
      try {
        const { marker } = durability;
        if (marker === undefined) return { kind: "unavailable" };
        const found = await client.eval(CLAIM, {
          keys: [marker.key, key],
          arguments: [marker.text, tag, String(Math.ceil(seconds * 1000))],
        });
        text = found === null ? null : String(found);
      } catch (error) {
        const reason = errorText(error);
        if (reason.startsWith("FORGOT")) {
          durability.recheck(client);
          return { kind: "unavailable" };
        }
        // Errors of scripts have a prefix.
        if (reason.includes("OOM ")) return { kind: "full" };
        // A lost connection is logged elsewhere.
        if (client.isReady) log.warn("Redis refused to store a request: {reason}", { reason });
        return { kind: "unavailable" };
      }
      if (text === null) {
        // The server may have been found to forget requests in the meantime.
        if (durability.isForgotten(identity)) return { kind: "forgotten" };
        // Only now: a replayed request takes no memory.
        spend(spending);
        return claimFirst(key, { kid, tag });
      }
      const seen = parseValue(text);
      if (seen.tag !== tag) return { kind: "nonce reused" };
      return repeat(key, seen);
    },
    recall,
    get since() {
      return durability.since;
    },
    async check() {
      if (await durability.trusted() === undefined) throw new Error("Redis is unavailable, or may forget requests");
    },
    async close() {
      stop.abort();
      await Promise.all(settling);
      durability.close();
    },
  };
}

function parseValue(text: string): StoredRequest {
  const space = text.indexOf(" ");
  if (space < 0) return { tag: text, isSettled: false, answer: undefined };
  const answer = text.slice(space + 1);
  return { tag: text.slice(0, space), isSettled: true, answer: answer === "" ? undefined : answer as SealedText };
}
