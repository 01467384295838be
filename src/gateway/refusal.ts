/**
 * Answers in plaintext: all that somebody gets who did not prove a key.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import type { Key } from "../security/keyring.ts";

/** A request is turned away before it is known whose it is. */
export class Refusal extends Error {
  /** Makes the refusal from its HTTP status, the public message, and headers such as `Retry-After`. */
  constructor(readonly status: number, message: string, readonly headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = "Refusal";
  }
}

/** The one answer to everything that no key opens. */
export const decryptionFailed = (): Refusal => new Refusal(STATUS_CODE.Unauthorized, "Decryption failed");

/** The body passes `MAX_BODY_BYTES`. */
export const bodyTooLarge = (): Refusal => new Refusal(STATUS_CODE.ContentTooLarge, "Request body too large");

/** The body did not arrive within `BODY_TIMEOUT_MS`. */
export const bodyTooSlow = (): Refusal => new Refusal(STATUS_CODE.RequestTimeout, "Request body too slow");

/** The body broke off before its end. */
export const bodyBroken = (): Refusal => new Refusal(STATUS_CODE.BadRequest, "Request body broke off");

/** A request of somebody who proved a key is turned away, because it could not be remembered. */
export class Unremembered extends Refusal {
  /** Makes the refusal from the key, the public message, and the seconds after which to come again. */
  constructor(readonly key: Key, message: string, retryAfterSeconds: number) {
    super(STATUS_CODE.ServiceUnavailable, message, { "Retry-After": String(retryAfterSeconds) });
  }
}

/** The replay store is full: a request that cannot be remembered must not run. */
export const storeFull = (key: Key): Refusal => new Unremembered(key, "Too many requests to remember", 30);

/** The replay store cannot be asked: what cannot be remembered must not run. */
export const storeAway = (key: Key): Refusal =>
  new Unremembered(key, "Replay store is out of reach: nothing runs without it", 5);

/** Too much at a time or too often, from one address. */
export const tooManyRequests = (retryAfterSeconds: number): Refusal =>
  new Refusal(STATUS_CODE.TooManyRequests, "Too many requests", { "Retry-After": String(retryAfterSeconds) });

/** The request line or the Host header makes no sense. */
export const badRequest = (): Refusal => new Refusal(STATUS_CODE.BadRequest, "Bad request");

/** No such path. */
export const notFound = (): Refusal => new Refusal(STATUS_CODE.NotFound, "Not found");

/** The path does not take this method. */
export const methodNotAllowed = (allowed: string): Refusal =>
  new Refusal(STATUS_CODE.MethodNotAllowed, "Method not allowed", { "Allow": allowed });

/** Something broke here; what, is for the log alone. */
export const internalError = (): Refusal => new Refusal(STATUS_CODE.InternalServerError, "Internal error");

/** Makes the response for a refusal. */
export function refusalResponse(refusal: Refusal): Response {
  return Response.json({ error: refusal.message }, {
    status: refusal.status,
    headers: { "Cache-Control": "no-store", ...refusal.headers },
  });
}
