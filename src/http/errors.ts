/**
 * Errors that are answered in plaintext, as no key has opened the request.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { RefusalReason } from "../observability/telemetry.ts";
import { PROTOCOL_HEADER, type Version } from "../protocol/exchange.ts";
import type { Key, NamedKey } from "../keys/keyring.ts";
import { randomRetrySeconds, SHUTTING_DOWN } from "../streams/stream_registry.ts";

/** Reason, headers and named key of an error. */
export interface HttpErrorOptions {
  /** Reason for the metrics; `internal` if the gateway itself failed. */
  readonly reason: RefusalReason | "internal";
  /** Headers such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Key that the request names, for the operator alone. */
  readonly named?: NamedKey | undefined;
}

/** Error that ends a request before it was opened. */
export class HttpError extends Error {
  /** Reason for the metrics; `internal` if the gateway itself failed. */
  readonly reason: RefusalReason | "internal";
  /** Headers such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Key that the request names, for the operator alone: no response contains it. */
  readonly named: NamedKey | undefined;

  /** Creates the error from its HTTP status and public message. */
  constructor(readonly status: number, message: string, { reason, headers = {}, named }: HttpErrorOptions) {
    super(message);
    this.name = "HttpError";
    this.reason = reason;
    this.headers = headers;
    this.named = named;
  }
}

/** Newest version of the protocol that this gateway supports. */
const NEWEST_VERSION: Version = 2;

/** Request that no key opens; the same error whatever the cause. */
export const decryptionFailed = (named?: NamedKey): HttpError =>
  new HttpError(STATUS_CODE.Unauthorized, "Decryption failed", {
    reason: "envelope",
    named,
    headers: { [PROTOCOL_HEADER]: String(NEWEST_VERSION) },
  });

/** Body larger than `MAX_BODY_BYTES`. */
export const bodyTooLarge = (): HttpError =>
  new HttpError(STATUS_CODE.ContentTooLarge, "Request body too large", { reason: "body" });

/** Body that did not arrive within `BODY_TIMEOUT_MS`, or was aborted for another one. */
export const bodyTooSlow = (): HttpError =>
  new HttpError(STATUS_CODE.RequestTimeout, "Request body too slow", { reason: "body" });

/** Body that ended early. */
export const bodyBroken = (): HttpError =>
  new HttpError(STATUS_CODE.BadRequest, "Request body broke off", { reason: "body" });

/** Error of a request that a key opened, but that the replay store could not record. */
export class ReplayStoreError extends HttpError {
  /** Creates the error from the key, the public message, and the seconds until a retry. */
  constructor(readonly key: Key, message: string, retryAfterSeconds: number) {
    super(STATUS_CODE.ServiceUnavailable, message, { reason: "store", headers: retryAfter(retryAfterSeconds) });
  }
}

/** Full replay store: a request that cannot be recorded must not run. */
export const storeFull = (key: Key): HttpError => new ReplayStoreError(key, "Too many requests to remember", 30);

/** Unavailable replay store: a request that cannot be recorded must not run. */
export const storeUnavailable = (key: Key): HttpError =>
  new ReplayStoreError(key, "Replay store is out of reach: nothing runs without it", 1);

/** Unavailable store of pairing codes; the same error for a code that is there and one that is not. */
export const pairingUnavailable = (): HttpError =>
  new HttpError(STATUS_CODE.ServiceUnavailable, "Pairing codes are out of reach", {
    reason: "store",
    headers: retryAfter(5),
  });

/** Too many requests or failures of an address in a time. */
export const tooManyRequests = (retryAfterSeconds: number, named?: NamedKey): HttpError =>
  tooMany("address_rate", { retryAfterSeconds, named });

/** Too many requests of an address at a time. */
export const tooManyAtOnce = (): HttpError => tooMany("busy", { retryAfterSeconds: 1 });

/**
 * The gateway stops, and begins no more streams.
 *
 * @param random returns a number from 0 up to but not including 1, for `Retry-After`
 */
export const stopping = (random: () => number): HttpError =>
  new HttpError(STATUS_CODE.ServiceUnavailable, SHUTTING_DOWN, {
    reason: "stopping",
    headers: retryAfter(Math.ceil(randomRetrySeconds(random))),
  });

/** Malformed request line or `Host` header. */
export const badRequest = (): HttpError => new HttpError(STATUS_CODE.BadRequest, "Bad request", { reason: "route" });

/** `Host` header of another machine, on a port for programs of this one. */
export const misdirected = (): HttpError =>
  new HttpError(STATUS_CODE.MisdirectedRequest, "Only for this machine: ask for 127.0.0.1 or localhost", {
    reason: "route",
  });

/** Request that a browser sent for a page of another site. */
export const crossSite = (): HttpError =>
  new HttpError(STATUS_CODE.Forbidden, "Cross-site request", { reason: "cross_site" });

/** Unknown path. */
export const notFound = (): HttpError => new HttpError(STATUS_CODE.NotFound, "Not found", { reason: "route" });

/** Method that the path does not accept. */
export const methodNotAllowed = (allowed: string): HttpError =>
  new HttpError(STATUS_CODE.MethodNotAllowed, "Method not allowed", { reason: "route", headers: { "Allow": allowed } });

/** File that is sent compressed only, to a client that refuses that. */
export const notAcceptable = (): HttpError =>
  new HttpError(STATUS_CODE.NotAcceptable, "Only with Accept-Encoding: gzip", { reason: "route" });

/** Failure of the gateway; only the log names its cause. */
export const internalError = (): HttpError =>
  new HttpError(STATUS_CODE.InternalServerError, "Internal error", { reason: "internal" });

/** Returns the response of an error. */
export function errorResponse({ message, status, headers }: HttpError): Response {
  return Response.json({ error: message }, { status, headers: { "Cache-Control": "no-store", ...headers } });
}

function tooMany(
  reason: RefusalReason,
  { retryAfterSeconds, named }: Pick<HttpErrorOptions, "named"> & { readonly retryAfterSeconds: number },
): HttpError {
  return new HttpError(STATUS_CODE.TooManyRequests, "Too many requests", {
    reason,
    headers: retryAfter(retryAfterSeconds),
    named,
  });
}

function retryAfter(seconds: number): Readonly<Record<string, string>> {
  return { "Retry-After": String(seconds) };
}
