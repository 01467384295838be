/**
 * The one place that decides who sent a request and whether it may run: pace of the address, body, envelope,
 * timestamp, replay, pace of the key, in this order, for every route. What the key may do is asked of its scope, by
 * whatever knows what the request asks for.
 *
 * @module
 */
import { EnvelopeError, type SealedText, TAG_BYTES } from "../protocol/aead.ts";
import { KEY_ID_HEADER } from "../protocol/secret_key.ts";
import { type Exchange, parseRequest } from "../protocol/exchange.ts";
import { FieldError, parsePayload, type Payload } from "../protocol/payload.ts";
import { readBytes, TooLargeError } from "../protocol/read_bytes.ts";
import type { Key, Keyring, Sender } from "../security/keyring.ts";
import type { RateLimits } from "../security/rate_limits.ts";
import type { ReplayStore } from "../security/replay_store.ts";
import { Turns } from "../security/turns.ts";
import type { Caller } from "./caller.ts";
import {
  bodyBroken,
  bodyTooLarge,
  bodyTooSlow,
  decryptionFailed,
  Refusal,
  storeAway,
  storeFull,
  tooManyRequests,
} from "./refusal.ts";

/** What admission needs. */
export interface AdmissionOptions {
  /** The keys. */
  readonly keyring: Keyring;
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** The paces of addresses and keys. */
  readonly rates: RateLimits;
  /** Told of each request that proves nothing. */
  readonly onFailure: (address: string) => void;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** How far a timestamp may be from the clock, in seconds. */
  readonly maxAgeSeconds: number;
  /** Largest body to read, in bytes. */
  readonly maxBodyBytes: number;
  /** Longest wait for the whole body, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** Most bodies to wait for at a time. */
  readonly maxBodies: number;
}

/** Somebody proved a key. What follows says what may be done. */
export type Admission = Admitted | Refused | Repeat;

/** A request that may run, now and only once. */
export interface Admitted {
  /** Tells it from the others. */
  readonly kind: "admitted";
  /** The key that opened it. */
  readonly key: Key;
  /** What its answer is sealed for. */
  readonly exchange: Exchange;
  /** What it asks for. */
  readonly payload: Payload;
  /** To be called exactly once: keeps the answer for repeats, or notes that there is none to keep. */
  settle(answer: SealedText | undefined): void;
}

/** A request of which nothing may run: its key's owner is told why. */
export interface Refused {
  /** Tells it from the others. */
  readonly kind: "refused";
  /** The key that opened it. */
  readonly key: Key;
  /** What its answer is sealed for. */
  readonly exchange: Exchange;
  /** Status of the answer. */
  readonly status: number;
  /** The reason, for the answer. */
  readonly message: string;
  /** When to come again, in seconds, where waiting helps. */
  readonly retryAfterSeconds?: number;
  /** Where there is one, to be called exactly once, as for an admitted request. */
  settle?(answer: SealedText | undefined): void;
}

/** A request that ran before: the first answer is given again. */
export interface Repeat {
  /** Tells it from the others. */
  readonly kind: "repeat";
  /** The key that opened it. */
  readonly key: Key;
  /** What its answer is sealed for. */
  readonly exchange: Exchange;
  /** The first answer, once there is one; undefined if it was not kept. */
  readonly answer: Promise<SealedText | undefined>;
}

/** Decides over a request, from what is known of it. */
export type Admit = (request: Request, caller: Caller) => Promise<Admission>;

/** The seed's words, which its clients look for. */
const EXPIRED = "Request expired";

const latin1 = new TextDecoder("latin1");

/**
 * Makes the function that decides over requests.
 *
 * @returns a function that throws `Refusal` while nobody proved a key
 */
export function createAdmit(options: AdmissionOptions): Admit {
  const { rates, replays } = options;
  const readBody = createReadBody(options);
  const openings = new Turns();
  const proven = new RecentAddresses();

  function isCurrent(timestamp: unknown): timestamp is number {
    return typeof timestamp === "number" && Math.abs(options.now() / 1000 - timestamp) <= options.maxAgeSeconds;
  }

  async function countFailure(address: string): Promise<void> {
    options.onFailure(address);
    await rates.failures.take(address);
  }

  async function open(body: Uint8Array, sender: Sender) {
    const { address } = sender;
    try {
      const envelope = parseRequest(latin1.decode(body));
      const opened = await options.keyring.open(envelope, sender);
      proven.add(address);
      return { envelope, ...opened };
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      proven.delete(address);
      await countFailure(address);
      throw decryptionFailed();
    }
  }

  /** One at a time for each address: otherwise any number of failures could pass before the first is counted. */
  function openInTurn(body: Uint8Array, sender: Sender) {
    return openings.take(sender.address, async () => {
      const wait = await rates.failures.peek(sender.address);
      if (wait > 0) throw tooManyRequests(wait);
      return await open(body, sender);
    });
  }

  return async (request, { address, route }) => {
    const waits = await Promise.all([rates.requests.take(address), rates.failures.peek(address)]);
    const wait = Math.max(...waits);
    if (wait > 0) throw tooManyRequests(wait);
    const body = await readBody(request, address);
    const sender = { address, route, kid: request.headers.get(KEY_ID_HEADER) ?? undefined };
    // Whoever proved a key the last time need not wait for his own other requests.
    const { envelope, text, ...opened } = await (proven.has(address) ? open : openInTurn)(body, sender);
    const { key } = opened;
    const refused = (message: string): Refused => ({ kind: "refused", ...opened, status: 403, message });
    /** For what somebody may have recorded and sent again: it says nothing of who sends it now. */
    const unproven = async (message: string): Promise<Refused> => {
      await countFailure(address);
      return refused(message);
    };
    let payload: Payload;
    try {
      payload = parsePayload(text);
    } catch (error) {
      if (error instanceof FieldError) return await unproven(error.message);
      throw error;
    }
    const timestamp = payload["timestamp"];
    const identity = {
      kid: key.kid,
      nonce: envelope.version === 2 ? envelope.salt : envelope.nonce,
      tag: envelope.ciphertext.subarray(-TAG_BYTES),
    };
    if (!isCurrent(timestamp)) {
      // Who is told that it is expired may take it for never run, and send it anew.
      const known = await replays.recall(identity);
      if (known.kind === "repeat") return { kind: "repeat", ...opened, answer: known.answer };
      if (known.kind === "away") throw storeAway(key);
      return await unproven(EXPIRED);
    }
    const claim = await replays.claim({ ...identity, timestamp });
    switch (claim.kind) {
      case "forgotten":
        return await unproven(EXPIRED);
      case "full":
        throw storeFull(key);
      case "away":
        throw storeAway(key);
      case "nonce reused":
        return refused(`${envelope.version === 2 ? "Salt" : "Nonce"} used before: take a fresh random one`);
      case "repeat":
        return { kind: "repeat", ...opened, answer: claim.answer };
      case "first": {
        // After the claim: somebody who sends a recorded request again must not use up the key's pace. And what was
        // refused for its pace stays refused: it must not run when its sender has given it up.
        const retryAfterSeconds = await rates.takeKey(key).catch((error) => {
          claim.settle(undefined);
          throw error;
        });
        if (retryAfterSeconds === 0) return { kind: "admitted", ...opened, payload, settle: claim.settle };
        const message = "Too many requests with this key";
        return { kind: "refused", ...opened, status: 429, message, retryAfterSeconds, settle: claim.settle };
      }
    }
  };
}

/**
 * Makes the function that reads bodies, within a time and a size for each and a number for all.
 *
 * One too many cuts off the oldest of the address that has most of them on their way: whoever sends his drop by drop
 * gives up his own places to the next visitor.
 */
function createReadBody(options: AdmissionOptions): (request: Request, address: string) => Promise<Uint8Array> {
  const arriving = new Map<AbortController, string>();

  return async (request, address) => {
    const reading = new AbortController();
    const victim = arriving.size < options.maxBodies ? undefined : oldestOfTheGreediest(arriving);
    if (victim !== undefined) {
      arriving.delete(victim);
      victim.abort(bodyTooSlow());
    }
    arriving.set(reading, address);
    const deadline = setTimeout(() => reading.abort(bodyTooSlow()), options.bodyTimeoutMs);
    try {
      return await readBytes(request, options.maxBodyBytes, reading.signal);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw error instanceof TooLargeError ? bodyTooLarge() : bodyBroken();
    } finally {
      clearTimeout(deadline);
      arriving.delete(reading);
    }
  };
}

/** How many addresses to remember: more than a household has phones. */
const MAX_RECENT = 1000;

/** Some addresses, the last ones that were added. */
class RecentAddresses {
  readonly #addresses = new Set<string>();

  has(address: string): boolean {
    return this.#addresses.has(address);
  }

  add(address: string): void {
    if (this.#addresses.has(address)) return;
    if (this.#addresses.size >= MAX_RECENT) this.#addresses.clear();
    this.#addresses.add(address);
  }

  delete(address: string): void {
    this.#addresses.delete(address);
  }
}

/** Finds the one that came first among those of the address that has the most. */
function oldestOfTheGreediest<T>(arrived: ReadonlyMap<T, string>): T | undefined {
  let most: readonly (readonly [T, string])[] = [];
  for (const group of Map.groupBy(arrived, ([, address]) => address).values()) {
    if (group.length > most.length) most = group;
  }
  return most[0]?.[0];
}
