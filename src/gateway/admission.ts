/**
 * The one place that decides who sent a request and whether it may run: pace of the address, body, envelope,
 * timestamp, replay, pace of the key, in this order, for every route. What the key may do is asked of its scope, by
 * whatever knows what the request asks for.
 *
 * @module
 */
import type { RefusalReason, Telemetry } from "../observability/telemetry.ts";
import { EnvelopeError, type OpenedText, type SealedText, TAG_BYTES } from "../protocol/aead.ts";
import { KEY_ID_HEADER } from "../protocol/secret_key.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import { type Exchange, parseRequest, type RequestEnvelope, type Version } from "../protocol/exchange.ts";
import { FieldError, parsePayload, type Payload } from "../protocol/payload.ts";
import { KeyAddresses } from "../limits/key_addresses.ts";
import { payloadWeight } from "../lib/json_weight.ts";
import { LARGE_BODY_BYTES } from "../lib/read_bytes.ts";
import type { Key, Keyring, RequestSource } from "../keys/keyring.ts";
import type { RateLimits } from "../limits/rate_limits.ts";
import type { ReplayStore } from "../store/replay_store.ts";
import type { Room } from "../limits/room.ts";
import { KeyedMutex } from "../lib/async.ts";
import type { BodyReader } from "../http/body_reader.ts";
import type { RequestInfo } from "../http/request_info.ts";
import { decryptionFailed, storeFull, storeUnavailable, tooManyRequests } from "../http/errors.ts";

/** What admission needs. */
export interface AdmissionOptions {
  /** The keys. */
  readonly keyring: Keyring;
  /** The memory of accepted requests. */
  readonly replays: ReplayStore;
  /** The paces of addresses and keys. */
  readonly rates: RateLimits;
  /** Where the opening of requests is measured. */
  readonly telemetry: Pick<Telemetry, "measure">;
  /** Told of each request that proves nothing. */
  readonly onFailure: (address: string) => void;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** How far a timestamp may be from the clock, in seconds. */
  readonly maxAgeSeconds: number;
  /** Reads bodies. */
  readonly bodies: Pick<BodyReader, "read">;
  /** Bounds what the large requests of each key take, in bytes. */
  readonly largeRequests: Room;
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
  /** The text of that. */
  readonly text: OpenedText;
  /** To be called, once or more, when what it asks for is not needed any more. */
  release(): void;
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
  /** Why, for those who count. */
  readonly reason: RefusalReason;
  /** Status of the answer. */
  readonly status: number;
  /** The reason, for the answer. */
  readonly message: string;
  /** The same for the client's program, in one word that never changes. */
  readonly code: ErrorCode;
  /** When to come again, in seconds, where waiting helps. */
  readonly retryAfterSeconds?: number;
  /** The client's clock against the gateway's, in seconds, where that is the reason; positive when ahead. */
  readonly clockOffset?: number;
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
export type Admit = (request: Request, requestInfo: RequestInfo) => Promise<Admission>;

/** Longest wait for other large requests of the same key, in milliseconds. */
const ROOM_WAIT_MS = 2000;

/** The seed's words, which its clients look for. */
const EXPIRED = "Request expired";

const latin1 = new TextDecoder("latin1");

/**
 * Makes the function that decides over requests.
 *
 * @returns a function that throws `Refusal` while nobody proved a key
 */
export function createAdmit(options: AdmissionOptions): Admit {
  const { rates, replays, telemetry } = options;
  const openings = new KeyedMutex();
  const proven = new TrustedAddresses();
  const keyAddresses = new KeyAddresses();

  function isCurrent(timestamp: unknown): timestamp is number {
    return typeof timestamp === "number" && Math.abs(options.now() / 1000 - timestamp) <= options.maxAgeSeconds;
  }

  /** Counts a failure. Returns 0, or how many seconds the address has to wait if it is one too many. */
  async function countFailure(address: string): Promise<number> {
    const wait = await rates.failures.take(address);
    if (wait === 0) options.onFailure(address);
    return wait;
  }

  /** Finds the key that a request names which none opened, for the operator. */
  function identify({ named, version }: NamingSender) {
    return options.keyring.identify(named, version);
  }

  async function open(body: Uint8Array, sender: NamingSender) {
    const { address } = sender;
    try {
      const envelope = parseRequest(latin1.decode(body));
      const opened = await telemetry.measure("opening", () => options.keyring.open(envelope, sender));
      proven.add(address);
      return { envelope, ...opened };
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      proven.delete(address);
      if (sender.fewKeys) throw error;
      const wait = await countFailure(address);
      const named = identify(sender);
      throw wait > 0 ? tooManyRequests(wait, named) : decryptionFailed(named);
    }
  }

  /**
   * Opens a request. For an address that has to wait this costs no more than an attempt at the key that is named, or
   * at those that were used from there: failures of others keep no key out.
   *
   * @param wait how long the address has to wait until it may fail again, in seconds; 0 if it may
   */
  async function openWithin(body: Uint8Array, sender: NamingSender, { wait }: { readonly wait: number }) {
    try {
      return await open(body, { ...sender, fewKeys: wait > 0 });
    } catch (error) {
      // Whether there is such a key or not.
      throw error instanceof EnvelopeError ? tooManyRequests(wait, identify(sender)) : error;
    }
  }

  /** One at a time for each address: otherwise any number of failures could pass before the first is counted. */
  function openInTurn(body: Uint8Array, sender: NamingSender) {
    return openings.runExclusive(sender.address, async () => {
      return await openWithin(body, sender, { wait: await rates.failures.peek(sender.address) });
    });
  }

  return async (request, requestInfo) => {
    const { address } = requestInfo;
    const [wait, failureWait] = await Promise.all([rates.requests.take(address), rates.failures.peek(address)]);
    // Others behind the address may have used it up: a key that is used from there has a count of its own. Which key a
    // request names shows in its body.
    if (wait > 0 && keyAddresses.keysAt(address).length === 0) throw tooManyRequests(wait);
    const kid = request.headers.get(KEY_ID_HEADER) ?? undefined;
    return await options.bodies.read(
      request,
      address,
      (body) => decide(body, { ...requestInfo, kid, wait, failureWait }),
    );
  };

  async function decide(body: Uint8Array, { address, route, kid, wait, failureWait }: Arrived): Promise<Admission> {
    const namedInBody = namedKey(body);
    const named = namedInBody ?? kid ?? "";
    const isFromKey = keyAddresses.has(named, address);
    if (wait > 0) {
      const ownWait = isFromKey ? await rates.requests.take(`${address} ${named}`) : wait;
      if (ownWait > 0) throw tooManyRequests(ownWait);
    }
    const version = namedInBody === undefined ? 1 : 2;
    const sender = { address, route, kid, named, version } as const;
    // No waiting for other requests of an address that proved a key the last time, or of a key that is used from there.
    // Above the pace a failure is answered, and counted, like what is not tried: neither tells which keys are used there.
    const { envelope, text, ...opened } = isFromKey || proven.has(address)
      ? await openWithin(body, sender, { wait: wait || failureWait })
      : await openInTurn(body, sender);
    const { key } = opened;
    const refused = (reason: RefusalReason, message: string, code: ErrorCode): Refused => (
      { kind: "refused", ...opened, reason, status: 403, message, code }
    );
    /**
     * For what may be a recording that is sent again: it says nothing of who sends it now. Failures of others do not
     * keep the reason from a client that names its key: it learns the gateway's version and time from that.
     */
    const unproven = async (reason: RefusalReason & ErrorCode, message: string): Promise<Refused> => {
      const failureWait = await countFailure(address);
      if (failureWait > 0 && named === "") throw tooManyRequests(failureWait);
      return refused(reason, message, reason);
    };
    let payload: Payload;
    try {
      payload = parsePayload(text);
    } catch (error) {
      if (error instanceof FieldError) return await unproven("payload", error.message);
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
      if (known.kind === "unavailable") throw storeUnavailable(key);
      // A client that asks for the version spends none of the failed attempts of its address: it is answered in any case,
      // so a recording of the question costs no more for it.
      if (isProbe(envelope, timestamp)) return refused("expired", EXPIRED, "expired");
      const refusal = await unproven("expired", EXPIRED);
      return Number.isFinite(timestamp)
        ? { ...refusal, clockOffset: Number(timestamp) - options.now() / 1000 }
        : refusal;
    }
    const claim = await replays.claim({ ...identity, timestamp });
    switch (claim.kind) {
      case "forgotten":
        return await unproven("expired", EXPIRED);
      case "full":
        throw storeFull(key);
      case "unavailable":
        throw storeUnavailable(key);
      case "nonce reused":
        return refused(
          "replay",
          `${envelope.version === 2 ? "Salt" : "Nonce"} used before: take a fresh random one`,
          "salt_reused",
        );
      case "repeat":
        return { kind: "repeat", ...opened, answer: claim.answer };
      case "first": {
        keyAddresses.add(key.kid, address);
        // After the claim: a recorded request that is sent again must not use up the key's pace. And what was
        // refused for its pace stays refused: it must not run when its sender has given it up.
        const retryAfterSeconds = await rates.takeKey(key).catch((error) => {
          claim.settle(undefined);
          throw error;
        });
        const { settle } = claim;
        if (retryAfterSeconds > 0) {
          const message = "Too many requests with this key";
          const code = "key_rate";
          return { kind: "refused", ...opened, reason: code, status: 429, message, code, retryAfterSeconds, settle };
        }
        const release = text.length > LARGE_BODY_BYTES
          ? await options.largeRequests.acquire(key.name, payloadWeight(text), AbortSignal.timeout(ROOM_WAIT_MS)).catch(
            () => undefined,
          )
          : () => {};
        if (release !== undefined) return { kind: "admitted", ...opened, payload, text, settle, release };
        const message = "Too many large requests are under way";
        const code = "busy";
        return { kind: "refused", ...opened, reason: code, status: 429, message, code, retryAfterSeconds: 1, settle };
      }
    }
  }
}

/** What is known of a request besides its body. */
interface Arrived extends RequestInfo {
  /** The id of a key in its head. */
  readonly kid: string | undefined;
  /** How long its address has to wait until its next request, in seconds. */
  readonly wait: number;
  /** The same until its next failure. */
  readonly failureWait: number;
}

/** A sender, and the key that its request names. */
interface NamingSender extends RequestSource {
  /** Id of the key, in the head or in the body; empty where there is none. */
  readonly named: string;
  /** Version of the protocol that the request is for. */
  readonly version: Version;
}

/** Returns whether a request asks for the version: docs/protocol.md, The probe. */
function isProbe({ version }: RequestEnvelope, timestamp: unknown): boolean {
  return version === 2 && timestamp === 0;
}

/** Returns the id of the key that a request of version 2 names. */
function namedKey(body: Uint8Array): string | undefined {
  return /^2\.([0-9a-f]{16})\./.exec(latin1.decode(body.subarray(0, 19)))?.[1];
}

/** How many addresses to remember: more than a household has phones. */
const MAX_RECENT = 1000;

/** Some addresses, the last ones that were added. */
class TrustedAddresses {
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
