/**
 * Store of accepted requests for replay detection: no request runs twice.
 *
 * @module
 */
import type { Awaitable } from "../lib/awaitable.ts";
import type { SealedText } from "../protocol/aead.ts";

/** Identity of a request, whatever the spelling of its base64. */
export interface RequestIdentity {
  /** Id of the key that opened it. */
  readonly kid: string;
  /** Its nonce, or in version 2 its salt, decoded. The lengths differ, so neither equals the other. */
  readonly nonce: Uint8Array;
  /** Its authentication tag, which differs if a faulty client uses one nonce for two requests. */
  readonly tag: Uint8Array;
  /** Its timestamp, in seconds since 1970. */
  readonly timestamp: number;
  /** Time of its key's creation, in milliseconds since 1970; unknown by default. */
  readonly keyCreated?: number;
}

/** Limits of a replay store. */
export interface ReplayLimits {
  /** Largest age of a timestamp, in seconds. It may be as far ahead, so a request is stored for twice this time. */
  readonly maxAgeSeconds: number;
  /** Most bytes of requests and answers together, of which each key has a fair share. */
  readonly memoryBytes: number;
  /** Largest answer that is kept for repeats, in bytes. */
  readonly answerBytes: number;
}

/** Outcome of claiming a request. */
export type Claim =
  /** New: run it, then call `settle` exactly once, with the answer, or undefined to keep none. */
  | { readonly kind: "first"; settle(answer: SealedText | undefined): void }
  /** Repeated: do not run it. `answer` resolves to the first request's answer; undefined if none was kept. */
  | { readonly kind: "repeat"; readonly answer: Promise<SealedText | undefined> }
  /** The nonce was used for a different request. */
  | { readonly kind: "nonce reused" }
  /** From a time whose requests are no longer stored: it may have run already. */
  | { readonly kind: "forgotten" }
  /** Its key's share of the memory is full, so it must not run. */
  | { readonly kind: "full" }
  /** The store is unavailable, so it must not run. */
  | { readonly kind: "unavailable" };

/** Outcome of looking up a request whose timestamp does not allow a claim. */
export type Recollection =
  /** It ran, with the answer as for a repeat; or the store is unavailable. */
  | Extract<Claim, { readonly kind: "repeat" | "unavailable" }>
  /** It is not stored. */
  | { readonly kind: "unknown" };

/** Store of claims, each kept for as long as its timestamp could be accepted. */
export interface ReplayStore {
  /** Claims a request. Atomic: of any number of equal claims exactly one is `first`. */
  claim(identity: RequestIdentity): Awaitable<Claim>;
  /**
   * Looks up a request without claiming it. It may have been claimed although its timestamp is invalid now: the clock may
   * have been set since.
   */
  recall(identity: Omit<RequestIdentity, "timestamp">): Awaitable<Recollection>;
  /** Throws an error without secrets if the store is unavailable. */
  check(): Promise<void>;
  /** Releases all resources of the store. */
  close(): Promise<void>;
}
