/**
 * Answers in plaintext: all that somebody gets who did not prove a key.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { RefusalReason } from "../observability/telemetry.ts";
import { PROTOCOL_HEADER, type Version } from "../protocol/exchange.ts";
import type { Key, NamedKey } from "../keys/keyring.ts";
import { drawRetrySeconds } from "../streams/retry.ts";

/** What a refusal has besides its status and its message. */
export interface RefusalOptions {
  /** Why, for those who count. */
  readonly reason: RefusalReason | "internal";
  /** Headers such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The key that the request names, for the operator alone. */
  readonly named?: NamedKey | undefined;
}

/** A request is turned away before it is known whose it is. */
export class Refusal extends Error {
  /** Why, for those who count; `internal` where the gateway itself broke. */
  readonly reason: RefusalReason | "internal";
  /** Headers such as `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The key that the request names, for the operator alone: no answer tells it. */
  readonly named: NamedKey | undefined;

  /** Makes the refusal from its HTTP status, the public message, and what is to know besides. */
  constructor(readonly status: number, message: string, { reason, headers = {}, named }: RefusalOptions) {
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
export const decryptionFailed = (named?: NamedKey): Refusal =>
  new Refusal(STATUS_CODE.Unauthorized, "Decryption failed", {
    reason: "envelope",
    named,
    headers: { [PROTOCOL_HEADER]: String(NEWEST_VERSION) },
  });

/** The body passes `MAX_BODY_BYTES`. */
export const bodyTooLarge = (): Refusal =>
  new Refusal(STATUS_CODE.ContentTooLarge, "Request body too large", { reason: "body" });

/** The body did not arrive within `BODY_TIMEOUT_MS`. */
export const bodyTooSlow = (): Refusal =>
  new Refusal(STATUS_CODE.RequestTimeout, "Request body too slow", { reason: "body" });

/** The body broke off before its end. */
export const bodyBroken = (): Refusal =>
  new Refusal(STATUS_CODE.BadRequest, "Request body broke off", { reason: "body" });

/** A request of somebody who proved a key is turned away, because it could not be remembered. */
export class Unremembered extends Refusal {
  /** Makes the refusal from the key, the public message, and the seconds after which to come again. */
  constructor(readonly key: Key, message: string, retryAfterSeconds: number) {
    super(STATUS_CODE.ServiceUnavailable, message, { reason: "store", headers: retryAfter(retryAfterSeconds) });
  }
}

/** The replay store is full: a request that cannot be remembered must not run. */
export const storeFull = (key: Key): Refusal => new Unremembered(key, "Too many requests to remember", 30);

/** The replay store cannot be asked: what cannot be remembered must not run. */
export const storeAway = (key: Key): Refusal =>
  new Unremembered(key, "Replay store is out of reach: nothing runs without it", 5);

/** Too often, from one address. */
export const tooManyRequests = (retryAfterSeconds: number, named?: NamedKey): Refusal =>
  tooMany("address_rate", { retryAfterSeconds, named });

/** Too much at a time, from one address. */
export const tooManyAtOnce = (): Refusal => tooMany("busy", { retryAfterSeconds: 1 });

/**
 * The gateway stops, and begins nothing that lasts.
 *
 * @param draw draws from 0 up to but not including 1, for when to come again
 */
export const stopping = (draw: () => number): Refusal =>
  new Refusal(STATUS_CODE.ServiceUnavailable, SHUTTING_DOWN, {
    reason: "stopping",
    headers: retryAfter(Math.ceil(drawRetrySeconds(draw))),
  });

/** The request line or the Host header makes no sense. */
export const badRequest = (): Refusal => new Refusal(STATUS_CODE.BadRequest, "Bad request", { reason: "route" });

/** The Host header names another machine, on a port that is for programs on this one. */
export const misdirected = (): Refusal =>
  new Refusal(STATUS_CODE.MisdirectedRequest, "Only for this machine: ask for 127.0.0.1 or localhost", {
    reason: "route",
  });

/** A browser sent it for a page of another site. */
export const crossSite = (): Refusal =>
  new Refusal(STATUS_CODE.Forbidden, "Cross-site request", { reason: "cross_site" });

/** No such path. */
export const notFound = (): Refusal => new Refusal(STATUS_CODE.NotFound, "Not found", { reason: "route" });

/** The path does not take this method. */
export const methodNotAllowed = (allowed: string): Refusal =>
  new Refusal(STATUS_CODE.MethodNotAllowed, "Method not allowed", { reason: "route", headers: { "Allow": allowed } });

/** Something broke here; what, is for the log alone. */
export const internalError = (): Refusal =>
  new Refusal(STATUS_CODE.InternalServerError, "Internal error", { reason: "internal" });

/** Makes the response for a refusal. */
export function refusalResponse(refusal: Refusal): Response {
  return Response.json({ error: refusal.message }, {
    status: refusal.status,
    headers: { "Cache-Control": "no-store", ...refusal.headers },
  });
}

function tooMany(
  reason: RefusalReason,
  { retryAfterSeconds, named }: Pick<RefusalOptions, "named"> & { readonly retryAfterSeconds: number },
): Refusal {
  return new Refusal(STATUS_CODE.TooManyRequests, "Too many requests", {
    reason,
    headers: retryAfter(retryAfterSeconds),
    named,
  });
}

function retryAfter(seconds: number): Readonly<Record<string, string>> {
  return { "Retry-After": String(seconds) };
}
