/**
 * The memory of requests that were already accepted, so that none runs twice.
 *
 * @module
 */
import type { SealedText } from "../protocol/aead.ts";

/** What makes a request the same as another, whatever way its base64 was written. */
export interface RequestIdentity {
  /** Id of the key that opened it. */
  readonly kid: string;
  /** Its nonce, or its salt in version 2, decoded: of different lengths, so never the same. */
  readonly nonce: Uint8Array;
  /** Its authentication tag: differs when a careless client uses one nonce for two requests. */
  readonly tag: Uint8Array;
  /** When its client says that it was made, in seconds since 1970. */
  readonly timestamp: number;
}

/** What a remembered request counts for without its answer, in bytes: its strings and its part of the tables. */
export const ENTRY_BYTES = 512;

/** The outcome of claiming a request. */
export type Claim =
  /** Never seen: run it, then call `settle` exactly once, with the answer or with nothing to keep. */
  | { readonly kind: "first"; settle(answer: SealedText | undefined): void }
  /** Seen: do not run it. `answer` is the first one's, once it has one; undefined if none was kept. */
  | { readonly kind: "repeat"; readonly answer: Promise<SealedText | undefined> }
  /** The nonce was seen on a different request. */
  | { readonly kind: "nonce reused" }
  /** As old as requests that are not remembered: it may have run already. */
  | { readonly kind: "forgotten" }
  /** No room to remember it in its key's share of the memory, so it must not run. */
  | { readonly kind: "full" }
  /** The store cannot be asked, so it must not run. */
  | { readonly kind: "unavailable" };

/** What is known of a request that is too old, or too early, to be claimed. */
export type Recollection =
  /** It ran: `answer` is the first one's, as for a repeat. */
  | Extract<Claim, { readonly kind: "repeat" | "unavailable" }>
  /** Nothing is known of it. */
  | { readonly kind: "unknown" };

/** Remembers claims for as long as their timestamps could be accepted. */
export interface ReplayStore {
  /** Claims a request for the one caller that may run it. Atomic: of any number of equal claims one is first. */
  claim(identity: RequestIdentity): Promise<Claim> | Claim;
  /**
   * Looks whether a request was claimed once, and claims nothing. Its timestamp may have been right then: the clock may
   * have been set since.
   */
  recall(identity: Omit<RequestIdentity, "timestamp">): Promise<Recollection> | Recollection;
  /** Throws, in words without secrets, unless the store can be asked. */
  check(): Promise<void>;
  /** Lets go of whatever the store holds open. */
  close(): Promise<void>;
}
