/**
 * The one place that decides who sent a request and whether it may run: body limit, envelope, timestamp, replay,
 * in this order, for every route.
 *
 * @module
 */
import { EnvelopeError, parseEnvelope, type SealedText, TAG_BYTES } from "../protocol/envelope.ts";
import { FieldError, parsePayload, type Payload } from "../protocol/payload.ts";
import { readBytes, TooLargeError } from "../protocol/read_bytes.ts";
import type { Key, Keyring, Opened } from "../security/keyring.ts";
import type { ReplayStore } from "../security/replay_store.ts";
import { bodyBroken, bodyTooLarge, bodyTooSlow, decryptionFailed, Refusal, storeFull } from "./refusal.ts";

/** What admission needs. */
export interface AdmissionOptions {
  /** The keys. */
  readonly keyring: Keyring;
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** When the replay memory began, in milliseconds since 1970: what was stamped earlier may have run already. */
  readonly startedAt: number;
  /** How far a timestamp may be from the clock, in seconds. */
  readonly maxAgeSeconds: number;
  /** Largest body to read, in bytes. */
  readonly maxBodyBytes: number;
  /** Longest wait for the whole body, in milliseconds. */
  readonly bodyTimeoutMs: number;
}

/** Somebody proved a key. What follows says what may be done. */
export type Admission =
  | Admitted
  /** Nothing may run: tell the key's owner why. */
  | { readonly kind: "refused"; readonly key: Key; readonly status: number; readonly message: string }
  /** It ran before: give the first answer again. */
  | { readonly kind: "repeat"; readonly key: Key; readonly answer: Promise<SealedText | undefined> };

/** A request that may run, now and only once. */
export interface Admitted {
  /** Tells it from the others. */
  readonly kind: "admitted";
  /** The key that opened it. */
  readonly key: Key;
  /** What it asks for. */
  readonly payload: Payload;
  /** To be called exactly once: keeps the answer for repeats, or notes that there is none to keep. */
  settle(answer: SealedText | undefined): void;
}

/** Decides over a request. */
export type Admit = (request: Request) => Promise<Admission>;

/** The seed's words, which its clients look for. */
const EXPIRED = "Request expired";

const latin1 = new TextDecoder("latin1");

/**
 * Makes the function that decides over requests.
 *
 * @returns a function that throws `Refusal` while nobody proved a key
 */
export function createAdmit(options: AdmissionOptions): Admit {
  const startSecond = Math.floor(options.startedAt / 1000);

  /** Whole seconds for the start, as many clients stamp their requests in whole seconds. */
  function isCurrent(timestamp: unknown): timestamp is number {
    return typeof timestamp === "number" &&
      Math.abs(options.now() / 1000 - timestamp) <= options.maxAgeSeconds &&
      Math.floor(timestamp) >= startSecond;
  }

  return async (request) => {
    const body = await readBody(request, options);
    const { envelope, opened } = await open(body, options.keyring);
    const { key } = opened;
    const refuse = (message: string): Admission => ({ kind: "refused", key, status: 403, message });
    let payload: Payload;
    try {
      payload = parsePayload(opened.text);
    } catch (error) {
      if (error instanceof FieldError) return refuse(error.message);
      throw error;
    }
    const timestamp = payload["timestamp"];
    if (!isCurrent(timestamp)) return refuse(EXPIRED);
    const claim = options.replays.claim({
      key: key.name,
      nonce: envelope.nonce,
      tag: envelope.ciphertext.subarray(-TAG_BYTES),
      timestamp,
    });
    switch (claim.kind) {
      case "forgotten":
        return refuse(EXPIRED);
      case "full":
        throw storeFull();
      case "nonce reused":
        return refuse("Nonce used before: take a fresh random one");
      case "repeat":
        return { kind: "repeat", key, answer: claim.answer };
      case "first":
        return { kind: "admitted", key, payload, settle: claim.settle };
    }
  };
}

async function open(body: Uint8Array, keyring: Keyring) {
  try {
    const envelope = parseEnvelope(latin1.decode(body));
    const opened: Opened = await keyring.open(envelope);
    return { envelope, opened };
  } catch (error) {
    if (error instanceof EnvelopeError) throw decryptionFailed();
    throw error;
  }
}

async function readBody(request: Request, options: AdmissionOptions): Promise<Uint8Array> {
  const late = new AbortController();
  const deadline = setTimeout(() => late.abort(bodyTooSlow()), options.bodyTimeoutMs);
  try {
    return await readBytes(request, options.maxBodyBytes, late.signal);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw error instanceof TooLargeError ? bodyTooLarge() : bodyBroken();
  } finally {
    clearTimeout(deadline);
  }
}
