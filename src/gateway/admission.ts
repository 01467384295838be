/**
 * Admission: decides who sent a request and whether it may run. Checks the address's rate, the body, the envelope, the
 * timestamp, replay and the key's rate, in this order, for every route. Services check the key's rights.
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
import type { Key, Keyring, Opened, RequestSource } from "../keys/keyring.ts";
import { OpeningQueueFullError } from "../keys/opening_queue.ts";
import type { RateLimits } from "../limits/rate_limits.ts";
import type { Claim, ReplayStore } from "../store/replay_store.ts";
import type { FairSemaphore } from "../limits/fair_semaphore.ts";
import { KeyedMutex } from "../lib/async.ts";
import { andThen, type Awaitable } from "../lib/awaitable.ts";
import { LruCache } from "../lib/lru_cache.ts";
import type { BodyReader } from "../http/body_reader.ts";
import type { RequestInfo } from "../http/router.ts";
import { decryptionFailed, storeFull, storeUnavailable, tooManyRequests } from "../http/errors.ts";

/** Time window in which requests are accepted. */
export interface ReplayWindow {
  /** Largest difference between a timestamp and the clock, in seconds. */
  readonly maxAgeSeconds: number;
}

/** Keys, replay store and rate limits: what decides over requests. */
export interface AccessOptions {
  /** Keys. */
  readonly keyring: Keyring;
  /** Store of accepted requests. */
  readonly replays: ReplayStore;
  /** Rate limits of addresses and keys. */
  readonly rates: RateLimits;
  /** Time window in which requests are accepted. */
  readonly replay: ReplayWindow;
}

/** Collaborators of admission. */
export interface AdmissionOptions {
  /** Keys, replay store and rate limits. */
  readonly access: AccessOptions;
  /** Reads bodies. */
  readonly bodies: Pick<BodyReader, "read">;
  /** Limits the bytes held by large requests, of each key and in total. */
  readonly largeRequests: FairSemaphore;
  /** Measures the opening of requests. */
  readonly telemetry: Pick<Telemetry, "measure">;
  /** Called with the address of each request that no key opens or that is expired. */
  readonly onFailure: (address: string) => void;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Decision over a request that a key opened. */
export type Admission = Admitted | Refused | Repeat;

/** Request that may run, now and only once. */
export interface Admitted {
  /** Discriminates the union. */
  readonly kind: "admitted";
  /** Key that opened the request. */
  readonly key: Key;
  /** Exchange for which the answer is sealed. */
  readonly exchange: Exchange;
  /** Payload of the request. */
  readonly payload: Payload;
  /** Text of the payload. */
  readonly text: OpenedText;
  /** Releases the payload's memory; to be called once or more when it is no longer needed. */
  release(): void;
  /** Keeps the answer for repeats; undefined if there is none to keep. To be called exactly once. */
  settle(answer: SealedText | undefined): void;
}

/** Request that must not run; its sender receives the reason. */
export interface Refused {
  /** Discriminates the union. */
  readonly kind: "refused";
  /** Key that opened the request. */
  readonly key: Key;
  /** Exchange for which the answer is sealed. */
  readonly exchange: Exchange;
  /** Reason for the metrics. */
  readonly reason: RefusalReason;
  /** Status of the answer. */
  readonly status: number;
  /** Message of the answer. */
  readonly message: string;
  /** Code of the answer. */
  readonly code: ErrorCode;
  /** Seconds until a retry, if waiting helps. */
  readonly retryAfterSeconds?: number;
  /** Offset of the client's clock in seconds, if that is the reason; positive when ahead. */
  readonly clockOffset?: number;
  /** As for an admitted request; absent if the request was not claimed. */
  settle?(answer: SealedText | undefined): void;
}

/** Request that ran before: its first answer is sent again. */
export interface Repeat {
  /** Discriminates the union. */
  readonly kind: "repeat";
  /** Key that opened the request. */
  readonly key: Key;
  /** Exchange for which the answer is sealed. */
  readonly exchange: Exchange;
  /** First answer, once it is there; undefined if it was not kept. */
  readonly answer: Promise<SealedText | undefined>;
}

/** Decides over a request. */
export type Admit = (request: Request, requestInfo: RequestInfo) => Promise<Admission>;

/** Longest wait for other large requests of the same key, in milliseconds. */
const LARGE_REQUEST_WAIT_MS = 2000;

/** Wait after which a request without a key id may find room in the queue, in seconds. */
const OPENING_RETRY_SECONDS = 5;

/** Most addresses to trust: more than a household has clients. */
const MAX_TRUSTED = 1000;

/** Message of the original gateway, on which its clients rely. */
const EXPIRED = "Request expired";

const latin1 = new TextDecoder("latin1");

/** Returns the function that decides over requests. It throws `HttpError` if no key opened the request. */
export function createAdmit(options: AdmissionOptions): Admit {
  const { telemetry } = options;
  const { keyring, rates, replays, replay } = options.access;
  const openings = new KeyedMutex();
  /** Addresses whose last envelope was opened by a key. */
  const trustedAddresses = new LruCache<string, true>(MAX_TRUSTED);
  const keyAddresses = new KeyAddresses();

  function isCurrent(timestamp: unknown): timestamp is number {
    return typeof timestamp === "number" && Math.abs(options.now() / 1000 - timestamp) <= replay.maxAgeSeconds;
  }

  /** Counts a failure. Returns 0, or the seconds to wait if the address exceeds its rate. */
  async function countFailure(address: string): Promise<number> {
    const wait = await rates.failures.take(address);
    if (wait === 0) options.onFailure(address);
    return wait;
  }

  /**
   * Opens a request. For an address that exceeds its rate this costs no more than an attempt with the named key, or with
   * those that were used from there: failures of others lock out no key.
   *
   * @param wait seconds until the address may fail again
   */
  async function open(
    body: Uint8Array,
    sender: NamingSender,
    { wait }: { readonly wait: number },
  ): Promise<OpenedBody> {
    const { address, named } = sender;
    const fewKeys = wait > 0;
    try {
      const envelope = parseRequest(latin1.decode(body));
      const source = fewKeys ? { ...sender, fewKeys } : sender;
      const { key, exchange, text } = await telemetry.measure("opening", () => keyring.open(envelope, source));
      trustedAddresses.set(address, true);
      return { key, exchange, text, envelope, address, named };
    } catch (error) {
      if (error instanceof OpeningQueueFullError) throw tooManyRequests(OPENING_RETRY_SECONDS);
      if (!(error instanceof EnvelopeError)) throw error;
      trustedAddresses.delete(address);
      const excess = fewKeys ? wait : await countFailure(address);
      const known = keyring.identify(named, sender.version);
      // The same answer whether there is such a key or not.
      throw excess > 0 ? tooManyRequests(excess, known) : decryptionFailed(known);
    }
  }

  /** Opens one request at a time for each address: otherwise many failures could pass before the first is counted. */
  function openExclusively(body: Uint8Array, sender: NamingSender) {
    return openings.runExclusive(sender.address, async () => {
      return await open(body, sender, { wait: await rates.failures.peek(sender.address) });
    });
  }

  return async (request, requestInfo) => {
    const { address } = requestInfo;
    const [wait, failureWait] = await Promise.all([rates.requests.take(address), rates.failures.peek(address)]);
    // Other clients behind the address may have used up its rate: a key that is used from there has its own count. The
    // body shows which key a request names.
    if (wait > 0 && keyAddresses.keysAt(address).length === 0) throw tooManyRequests(wait);
    const kid = request.headers.get(KEY_ID_HEADER) ?? undefined;
    return await options.bodies.read(
      request,
      address,
      (body) => decide(body, { requestInfo, kid, wait, failureWait }),
    );
  };

  /** Decides over a body: the address's rate, and the envelope. */
  async function decide(
    body: Uint8Array,
    { requestInfo: { address, route }, kid, wait, failureWait }: DecideContext,
  ): Promise<Admission> {
    const namedInBody = namedKey(body);
    const named = namedInBody ?? kid ?? "";
    const isFromKey = keyAddresses.has(named, address);
    if (wait > 0) {
      const ownWait = isFromKey ? await rates.requests.take(`${address} ${named}`) : wait;
      if (ownWait > 0) throw tooManyRequests(ownWait);
    }
    const version = namedInBody === undefined ? 1 : 2;
    const sender = { address, route, kid, named, version } as const;
    // A trusted address, or a key that is used from there, need not wait for other requests. Above the rate, a failure is
    // answered and counted like an untried request: neither shows which keys are used there.
    const opened = isFromKey || trustedAddresses.has(address)
      ? await open(body, sender, { wait: wait || failureWait })
      : await openExclusively(body, sender);
    return await decideOpened(opened);
  }

  /** Decides over a request that a key opened: payload, timestamp, replay. */
  function decideOpened(request: OpenedBody): Awaitable<Admission> {
    let payload: Payload;
    try {
      payload = parsePayload(request.text);
    } catch (error) {
      if (error instanceof FieldError) return refuseUnproven(request, "payload", error.message);
      throw error;
    }
    const timestamp = payload["timestamp"];
    if (!isCurrent(timestamp)) return decideExpired(request, timestamp);
    return andThen(replays.claim(identityOf(request, timestamp)), (claim) => decideClaim(request, payload, claim));
  }

  /** Decides over a request by its claim. */
  function decideClaim(request: OpenedBody, payload: Payload, claim: Claim): Awaitable<Admission> {
    const { key, exchange, envelope } = request;
    switch (claim.kind) {
      case "forgotten":
        return refuseUnproven(request, "expired", EXPIRED);
      case "full":
        throw storeFull(key);
      case "unavailable":
        throw storeUnavailable(key);
      case "nonce reused": {
        const message = `${envelope.version === 2 ? "Salt" : "Nonce"} used before: take a fresh random one`;
        return refused(request, { reason: "replay", status: 403, message, code: "salt_reused" });
      }
      case "repeat":
        return { kind: "repeat", key, exchange, answer: claim.answer };
      case "first":
        return decideClaimed(request, payload, claim.settle);
    }
  }

  /** Decides over a request whose timestamp is not current: it may have run when it was. */
  async function decideExpired(request: OpenedBody, timestamp: unknown): Promise<Admission> {
    const { key, exchange, envelope } = request;
    // A client that receives "expired" may conclude that the request never ran, and send it anew.
    const known = await replays.recall(identityOf(request, undefined));
    if (known.kind === "repeat") return { kind: "repeat", key, exchange, answer: known.answer };
    if (known.kind === "unavailable") throw storeUnavailable(key);
    // A version probe is answered in any case, so it does not count as a failure of its address.
    if (isProbe(envelope, timestamp)) {
      return refused(request, { reason: "expired", status: 403, message: EXPIRED, code: "expired" });
    }
    const refusal = await refuseUnproven(request, "expired", EXPIRED);
    return Number.isFinite(timestamp) ? { ...refusal, clockOffset: Number(timestamp) - options.now() / 1000 } : refusal;
  }

  /**
   * Decides over a request that was claimed: the key's rate and large requests. It comes after the claim, so that a recorded
   * request that is sent again does not use up the key's rate. A request that is refused here stays refused: it must not run
   * after its sender has given up.
   */
  async function decideClaimed(request: OpenedBody, payload: Payload, settle: Admitted["settle"]): Promise<Admission> {
    const { key, exchange, text, address } = request;
    keyAddresses.add(key.kid, address);
    let retryAfterSeconds: number;
    try {
      retryAfterSeconds = await rates.takeKey(key);
    } catch (error) {
      settle(undefined);
      throw error;
    }
    if (retryAfterSeconds > 0) {
      const message = "Too many requests with this key";
      return refused(request, {
        reason: "key_rate",
        status: 429,
        message,
        code: "key_rate",
        retryAfterSeconds,
        settle,
      });
    }
    const release = text.length <= LARGE_BODY_BYTES ? holdNothing : await acquireMemory(key, text);
    if (release !== undefined) return { kind: "admitted", key, exchange, payload, text, settle, release };
    const message = "Too many large requests are under way";
    return refused(request, { reason: "busy", status: 429, message, code: "busy", retryAfterSeconds: 1, settle });
  }

  /** Acquires the memory of a large request. Returns undefined if the key's other requests do not release it in time. */
  async function acquireMemory({ name }: Key, text: OpenedText): Promise<(() => void) | undefined> {
    const signal = AbortSignal.timeout(LARGE_REQUEST_WAIT_MS);
    return await options.largeRequests.acquire(name, payloadWeight(text), signal).catch(() => undefined);
  }

  /**
   * Refuses a request that may be a recording, which does not prove that its sender holds the key. A client that names its
   * key receives the reason in spite of others' failures: it reads the gateway's version and time from it.
   */
  async function refuseUnproven(
    request: OpenedBody,
    reason: RefusalReason & ErrorCode,
    message: string,
  ): Promise<Refused> {
    const wait = await countFailure(request.address);
    if (wait > 0 && request.named === "") throw tooManyRequests(wait);
    return refused(request, { reason, status: 403, message, code: reason });
  }
}

/** Opened request and its origin. */
interface OpenedBody extends Opened {
  readonly envelope: RequestEnvelope;
  readonly address: string;
  /** Id of the key that it names; empty if it names none. */
  readonly named: string;
}

function refused({ key, exchange }: OpenedBody, refusal: Omit<Refused, "kind" | "key" | "exchange">): Refused {
  return { kind: "refused", key, exchange, ...refusal };
}

/** Returns the identity by which the replay store records a request; without a timestamp to look it up. */
function identityOf<Timestamp>({ key, envelope }: OpenedBody, timestamp: Timestamp) {
  return {
    kid: key.kid,
    nonce: envelope.version === 2 ? envelope.salt : envelope.nonce,
    tag: envelope.ciphertext.subarray(-TAG_BYTES),
    timestamp,
    keyCreated: key.created,
  };
}

/** Facts about a request besides its body. */
interface DecideContext {
  /** Address and route. */
  readonly requestInfo: Pick<RequestInfo, "address" | "route">;
  /** Key id in its head. */
  readonly kid: string | undefined;
  /** Seconds until its address may send its next request. */
  readonly wait: number;
  /** Seconds until its address may fail again. */
  readonly failureWait: number;
}

/** RequestSource, and the key that its request names. */
interface NamingSender extends RequestSource {
  /** Id of the key, in the head or in the body; empty if there is none. */
  readonly named: string;
  /** Protocol version of the request. */
  readonly version: Version;
}

/** Returns whether a request is a version probe: docs/protocol.md, The probe. */
function isProbe({ version }: RequestEnvelope, timestamp: unknown): boolean {
  return version === 2 && timestamp === 0;
}

/** Releases the memory of a request that is not large. */
function holdNothing(): void {}

/** First byte of a request of version 2. */
const VERSION_2_BYTE = "2".charCodeAt(0);

/** Returns the id of the key that a request of version 2 names. */
function namedKey(body: Uint8Array): string | undefined {
  if (body[0] !== VERSION_2_BYTE) return undefined;
  return /^2\.([0-9a-f]{16})\./.exec(latin1.decode(body.subarray(0, 19)))?.[1];
}
