/**
 * Answers in plaintext: all that somebody gets who did not prove a key.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { RefusalReason } from "../observability/telemetry.ts";
import { PROTOCOL_HEADER, type Version } from "../protocol/exchange.ts";
import type { Key, NamedKey } from "../keys/keyring.ts";
import { randomRetrySeconds } from "../streams/retry.ts";

/** What a refusal has besides its status and its message. */
export interface HttpErrorOptions {
  /** Why, for those who count. */
  readonly reason: RefusalReason | "internal";
  /** Headers such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The key that the request names, for the operator alone. */
  readonly named?: NamedKey | undefined;
}

/** A request is turned away before it is known whose it is. */
export class HttpError extends Error {
  /** Why, for those who count; `internal` where the gateway itself broke. */
  readonly reason: RefusalReason | "internal";
  /** Headers such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The key that the request names, for the operator alone: no answer tells it. */
  readonly named: NamedKey | undefined;

  /** Makes the refusal from its HTTP status, the public message, and what is to know besides. */
  constructor(readonly status: number, message: string, { reason, headers = {}, named }: HttpErrorOptions) {
    super(message);
    this.name = "Refusal";
    this.reason = reason;
    this.headers = headers;
    this.named = named;
  }
}

/** The newest version of the protocol that this gateway knows. */
const NEWEST_VERSION: Version = 2;

/** What whoever listens, or wants to, is told when the gateway stops. */
export const SHUTTING_DOWN = "Gateway is shutting down";

/** The one answer to everything that no key opens. */
export const decryptionFailed = (named?: NamedKey): HttpError =>
  new HttpError(STATUS_CODE.Unauthorized, "Decryption failed", {
    reason: "envelope",
    named,
    headers: { [PROTOCOL_HEADER]: String(NEWEST_VERSION) },
  });

/** The body passes `MAX_BODY_BYTES`. */
export const bodyTooLarge = (): HttpError =>
  new HttpError(STATUS_CODE.ContentTooLarge, "Request body too large", { reason: "body" });

/** The body did not arrive within `BODY_TIMEOUT_MS`. */
export const bodyTooSlow = (): HttpError =>
  new HttpError(STATUS_CODE.RequestTimeout, "Request body too slow", { reason: "body" });

/** The body broke off before its end. */
export const bodyBroken = (): HttpError =>
  new HttpError(STATUS_CODE.BadRequest, "Request body broke off", { reason: "body" });

/** A request of somebody who proved a key is turned away, because it could not be remembered. */
export class ReplayStoreError extends HttpError {
  /** Makes the refusal from the key, the public message, and the seconds after which to come again. */
  constructor(readonly key: Key, message: string, retryAfterSeconds: number) {
    super(STATUS_CODE.ServiceUnavailable, message, { reason: "store", headers: retryAfter(retryAfterSeconds) });
  }
}

/** The replay store is full: a request that cannot be remembered must not run. */
export const storeFull = (key: Key): HttpError => new ReplayStoreError(key, "Too many requests to remember", 30);

/** The replay store cannot be asked: what cannot be remembered must not run. */
export const storeUnavailable = (key: Key): HttpError =>
  new ReplayStoreError(key, "Replay store is out of reach: nothing runs without it", 5);

/** Too often, from one address. */
export const tooManyRequests = (retryAfterSeconds: number, named?: NamedKey): HttpError =>
  tooMany("address_rate", { retryAfterSeconds, named });

/** Too much at a time, from one address. */
export const tooManyAtOnce = (): HttpError => tooMany("busy", { retryAfterSeconds: 1 });

/**
 * The gateway stops, and begins nothing that lasts.
 *
 * @param random draws from 0 up to but not including 1, for when to come again
 */
export const stopping = (random: () => number): HttpError =>
  new HttpError(STATUS_CODE.ServiceUnavailable, SHUTTING_DOWN, {
    reason: "stopping",
    headers: retryAfter(Math.ceil(randomRetrySeconds(random))),
  });

/** The request line or the Host header makes no sense. */
export const badRequest = (): HttpError => new HttpError(STATUS_CODE.BadRequest, "Bad request", { reason: "route" });

/** The Host header names another machine, on a port that is for programs on this one. */
export const misdirected = (): HttpError =>
  new HttpError(STATUS_CODE.MisdirectedRequest, "Only for this machine: ask for 127.0.0.1 or localhost", {
    reason: "route",
  });

/** A browser sent it for a page of another site. */
export const crossSite = (): HttpError =>
  new HttpError(STATUS_CODE.Forbidden, "Cross-site request", { reason: "cross_site" });

/** No such path. */
export const notFound = (): HttpError => new HttpError(STATUS_CODE.NotFound, "Not found", { reason: "route" });

/** The path does not take this method. */
export const methodNotAllowed = (allowed: string): HttpError =>
  new HttpError(STATUS_CODE.MethodNotAllowed, "Method not allowed", { reason: "route", headers: { "Allow": allowed } });

/** Something broke here; what, is for the log alone. */
export const internalError = (): HttpError =>
  new HttpError(STATUS_CODE.InternalServerError, "Internal error", { reason: "internal" });

/** Makes the response for a refusal. */
export function errorResponse(refusal: HttpError): Response {
  return Response.json({ error: refusal.message }, {
    status: refusal.status,
    headers: { "Cache-Control": "no-store", ...refusal.headers },
  });
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
