/**
 * A replay store in Valkey or Redis: outlives the process, and serves several gateways at once.
 *
 * It holds nonces, tags and sealed answers, never the text of a request.
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
import { type Claim, ENTRY_BYTES, type Recollection, type ReplayStore, type RequestIdentity } from "./replay_store.ts";

/** Where requests are remembered, and how. */
export interface RedisReplayOptions {
  /** The server. Whoever opened it closes it, after the store. */
  readonly connection: RedisConnection;
  /** What the keys begin with, such as `e2eg:replay:`. */
  readonly prefix: string;
  /** How long to remember a request, in seconds. */
  readonly seconds: number;
  /** Most bytes that this gateway spends on the server, of which no key can take the others' share. */
  readonly maxBytes: number;
  /** Largest answer to keep for repeats, in bytes. */
  readonly maxAnswerBytes: number;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Is told what is wrong with the server. */
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** What the server holds of a request: its tag, then a blank as soon as it ran, then the answer if one is kept. */
interface Value {
  readonly tag: string;
  readonly isSettled: boolean;
  readonly answer: SealedText | undefined;
}

/** Bytes on the server, of the share that they count for. */
interface Spending {
  readonly shares: KeyShares;
  readonly kid: string;
  readonly bytes: number;
}

/** The outcome of a request. */
interface Settled {
  readonly kid: string;
  readonly answer: SealedText | undefined;
}

/** A replay store on a server. */
export interface RedisReplayStore extends ReplayStore {
  /** When its memory begins, in seconds since 1970: what was stamped earlier is refused. Undefined before it is known. */
  readonly since: number | undefined;
}

/** How often to look for the answer of a request that runs in another process, in milliseconds. */
const POLL_MS = 200;
/** How often to look at most: half a minute is longer than a client waits. */
const POLLS = 150;

/** Claims a request, if the server still has the marker: one that was emptied must not take any, even before a look. */
const CLAIM = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return redis.error_reply("FORGOT") end
return redis.call("SET", KEYS[2], ARGV[2], "NX", "GET", "PX", ARGV[3])`;

/** Makes a store. The server need not be there yet: until it is, claims answer `unavailable`. */
export function createRedisReplayStore(options: RedisReplayOptions): RedisReplayStore {
  const { prefix, seconds, maxBytes, maxAnswerBytes, monotonic, log } = options;
  // A claim's key has a colon after the prefix, so this is none.
  const memory = watchRedisDurability({ ...options, key: `${prefix}since` });
  const stop = new AbortController();
  /** Answers that this process waits for, by key. */
  const awaited = new Map<string, Promise<SealedText | undefined>>();
  const settling = new Set<Promise<void>>();
  // Half for each, as answers on a server do not make room for identities.
  const identities = new KeyShares(maxBytes / 2);
  const answers = new KeyShares(maxBytes / 2);
  /** What this process has spent on the server, in the order in which it expires there. */
  const spent = new FifoQueue<Spending & { readonly expires: number }>();

  function hasRoom({ shares, kid, bytes }: Spending): boolean {
    const now = monotonic();
    for (let oldest = spent.first; oldest !== undefined && oldest.expires < now; oldest = spent.first) {
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

  function first(key: string, { kid, tag }: { readonly kid: string; readonly tag: string }): Claim {
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

  /** Never fails: what is lost is the answer to repeats. */
  async function keepAnswer(key: string, tag: string, { kid, answer }: Settled): Promise<void> {
    const spending = { shares: answers, kid, bytes: answer?.length ?? 0 };
    const fits = answer !== undefined && answer.length <= maxAnswerBytes && hasRoom(spending);
    if (fits) spend(spending);
    try {
      const client = await memory.trusted();
      await client?.set(key, `${tag} ${fits ? answer : ""}`, { condition: "XX", expiration: { type: "KEEPTTL" } });
    } catch {
      // The connection tells when it is lost; a server without room refuses the next claim, too.
    }
  }

  function repeat(key: string, seen: Value): Extract<Claim, { readonly kind: "repeat" }> {
    const answer = seen.isSettled ? Promise.resolve(seen.answer) : awaited.get(key) ?? awaitAnswer(key);
    return { kind: "repeat", answer };
  }

  /** Waits for the answer of a request that runs elsewhere, once for all its repeats. */
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
      const client = await memory.trusted();
      const text = await client?.get(key).catch(() => undefined);
      if (text === null) return undefined;
      if (text === undefined) continue;
      const { isSettled, answer } = parseValue(text);
      if (isSettled) return answer;
    }
    return undefined;
  }

  async function recall(identity: Omit<RequestIdentity, "timestamp">): Promise<Recollection> {
    const client = await memory.trusted();
    if (client === undefined) return { kind: "unavailable" };
    const key = keyOf(identity);
    try {
      const text = await client.get(key);
      const seen = text === null ? undefined : parseValue(text);
      return seen?.tag === identity.tag.toBase64() ? repeat(key, seen) : { kind: "unknown" };
    } catch {
      // That the connection is lost is told elsewhere.
      return { kind: "unavailable" };
    }
  }

  return {
    async claim(identity) {
      const client = await memory.trusted();
      if (client === undefined) return { kind: "unavailable" };
      if (memory.isForgotten(identity)) return { kind: "forgotten" };
      const { kid } = identity;
      const spending = { shares: identities, kid, bytes: ENTRY_BYTES };
      if (!hasRoom(spending)) {
        const known = await recall(identity);
        return known.kind === "unknown" ? { kind: "full" } : known;
      }
      memory.note(identity);
      const key = keyOf(identity);
      const tag = identity.tag.toBase64();
      let text: string | null;
      try {
        const { marker } = memory;
        if (marker === undefined) return { kind: "unavailable" };
        const found = await client.eval(CLAIM, {
          keys: [marker.key, key],
          arguments: [marker.text, tag, String(Math.ceil(seconds * 1000))],
        });
        text = found === null ? null : String(found);
      } catch (error) {
        const reason = errorText(error);
        if (reason.startsWith("FORGOT")) {
          memory.recheck(client);
          return { kind: "unavailable" };
        }
        // From a script it comes with other words in front.
        if (reason.includes("OOM ")) return { kind: "full" };
        // That the connection is lost is told elsewhere.
        if (client.isReady) log.warn("Redis refused to remember a request: {reason}", { reason });
        return { kind: "unavailable" };
      }
      if (text === null) {
        // That the server forgets may have come to light meanwhile.
        if (memory.isForgotten(identity)) return { kind: "forgotten" };
        // Not before: a recorded request that is sent again takes up nothing.
        spend(spending);
        return first(key, { kid, tag });
      }
      const seen = parseValue(text);
      if (seen.tag !== tag) return { kind: "nonce reused" };
      return repeat(key, seen);
    },
    recall,
    get since() {
      return memory.since;
    },
    async check() {
      if (await memory.trusted() === undefined) throw new Error("Redis cannot be asked, or may forget requests");
    },
    async close() {
      stop.abort();
      await Promise.all(settling);
      memory.close();
    },
  };
}

function parseValue(text: string): Value {
  const blank = text.indexOf(" ");
  if (blank < 0) return { tag: text, isSettled: false, answer: undefined };
  const answer = text.slice(blank + 1);
  return { tag: text.slice(0, blank), isSettled: true, answer: answer === "" ? undefined : answer as SealedText };
}
