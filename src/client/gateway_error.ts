/**
 * What can go wrong between a client and its gateway: one class for each thing that an app would treat differently.
 *
 * @module
 */

/** Names what went wrong, the same in all clients, and never changed. */
export type GatewayErrorCode =
  | "unreachable"
  | "timeout"
  | "truncated"
  | "tampered"
  | "wrong_key"
  | "expired"
  | "scope"
  | "rate_limit"
  | "unavailable"
  | "failed"
  | "jeedom"
  | "refused"
  | "no_webcrypto";

/** What is known of a failure besides its words. */
export interface GatewayErrorOptions extends ErrorOptions {
  /** The gateway's status; 0 by default. */
  readonly status?: number | undefined;
  /** Least time to wait before the next try, in milliseconds; undefined where no later try will help. */
  readonly retryAfterMs?: number | undefined;
  /** The gateway's own code for it. */
  readonly gatewayCode?: string | undefined;
}

/** The gateway refused a request, did not answer, or its answer could not be taken. */
export abstract class GatewayError extends Error {
  /** Tells which class it is, also across languages and versions. */
  abstract readonly code: GatewayErrorCode;
  /** The status of HTTP, or the sealed one; 0 where nobody answered, or no answer counts. */
  readonly status: number;
  /** Least time to wait before the next try, in milliseconds; undefined where no later try will help. */
  readonly retryAfterMs: number | undefined;
  /**
   * The gateway's own code for a sealed refusal, such as `broker_not_allowed`: docs/protocol.md lists them. Undefined for
   * all else. An older gateway tells none; it is then what its text means, as far as that is known.
   */
  readonly gatewayCode: string | undefined;

  /** Makes the error from what happened. */
  constructor(message: string, { status = 0, retryAfterMs, gatewayCode, ...options }: GatewayErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.gatewayCode = gatewayCode;
  }
}

/** A failure that may pass by itself. */
export abstract class PassingError extends GatewayError {
  /** Makes the error; nobody said how long to wait, unless the options do. */
  constructor(message: string, { retryAfterMs = 0, ...options }: GatewayErrorOptions = {}) {
    super(message, { retryAfterMs, ...options });
  }
}

/** Nobody answers, or the connection broke off before the whole answer was there. A call may have run. */
export class UnreachableError extends PassingError {
  /** Tells this class. */
  override readonly code = "unreachable";
}

/** No answer in time. A call may have run. */
export class RequestTimeoutError extends PassingError {
  /** Tells this class. */
  override readonly code = "timeout";
}

/** Makes the error of a request that was not answered in time, in milliseconds. */
export function noAnswerWithin(ms: number): RequestTimeoutError {
  return new RequestTimeoutError(`No answer within ${ms / 1000} s: a call may have run all the same`);
}

/** A stream broke off or went silent before its last event. */
export class TruncatedError extends PassingError {
  /** Tells this class. */
  override readonly code = "truncated";
}

/**
 * An answer or event does not open, is not for this request, or is not the next one: somebody on the way changed it, or
 * it is not the gateway that answers.
 */
export class TamperedError extends GatewayError {
  /** Tells this class. */
  override readonly code = "tampered";
}

/** The gateway does not take the key: it never had it, or it was removed, disabled or is over. */
export class WrongKeyError extends GatewayError {
  /** Tells this class. */
  override readonly code = "wrong_key";
  /** True if the gateway said that it knows version 2: then version 1 does not help. Not proven: the answer is plain. */
  readonly knowsVersion2: boolean;

  /** Makes the error. */
  constructor(message: string, { knowsVersion2 = false, ...options }: WrongKeyErrorOptions = {}) {
    super(message, options);
    this.knowsVersion2 = knowsVersion2;
  }
}

/** Facts about a key that the gateway does not take. */
export interface WrongKeyErrorOptions extends GatewayErrorOptions {
  /** True if the gateway said that it knows version 2; false by default. */
  readonly knowsVersion2?: boolean | undefined;
}

/** The request's timestamp is too far from the gateway's time. */
export class ExpiredError extends GatewayError {
  /** Tells this class. */
  override readonly code = "expired";
  /** The gateway's time, in seconds since 1970; undefined where it did not tell. */
  readonly gatewayTime: number | undefined;

  /** Makes the error from the gateway's time, in seconds since 1970. */
  constructor(message: string, { gatewayTime, ...options }: ExpiredErrorOptions = {}) {
    super(message, options);
    this.gatewayTime = gatewayTime;
  }
}

/** What is known of a request that came too late or too early. */
export interface ExpiredErrorOptions extends GatewayErrorOptions {
  /** The gateway's time, in seconds since 1970. */
  readonly gatewayTime?: number | undefined;
}

/** The key may not do this. */
export class ScopeError extends GatewayError {
  /** Tells this class. */
  override readonly code = "scope";
}

/** Too much was asked for in too short a time, or at once. */
export class RateLimitError extends PassingError {
  /** Tells this class. */
  override readonly code = "rate_limit";
}

/** The gateway, or a proxy before it, could not take the request just now. */
export class UnavailableError extends PassingError {
  /** Tells this class. */
  override readonly code = "unavailable";
}

/** The gateway took the request, but Jeedom or the broker behind it failed. A call may have run. */
export class FailedError extends GatewayError {
  /** Tells this class. */
  override readonly code = "failed";
}

/** Jeedom refused to tell its events. */
export class JeedomError extends GatewayError {
  /** Tells this class. */
  override readonly code = "jeedom";
}

/** The gateway refuses the request as it is, such as one with a wrong field. */
export class RefusedError extends GatewayError {
  /** Tells this class. */
  override readonly code = "refused";
}

/** The platform has no WebCrypto: nothing was sent. */
export class NoWebCryptoError extends GatewayError {
  /** Tells this class. */
  override readonly code = "no_webcrypto";

  /** Makes the error. */
  constructor() {
    super("WebCrypto is missing: a web page needs https or localhost for it, Node needs version 20 or later");
  }
}
