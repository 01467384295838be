/**
 * Errors of the client: one class for each kind of failure that an app handles differently.
 *
 * @module
 */

/** Stable code of a class of errors, the same in all clients. */
export type GatewayErrorCode =
  | "unreachable"
  | "timeout"
  | "truncated"
  | "tampered"
  | "wrong_key"
  | "pairing_code"
  | "already_paired"
  | "expired"
  | "scope"
  | "rate_limit"
  | "unavailable"
  | "failed"
  | "jeedom"
  | "refused"
  | "no_webcrypto";

/** Properties of an error besides its message. */
export interface GatewayErrorOptions extends ErrorOptions {
  /** Status of the gateway's answer; 0 by default. */
  readonly status?: number | undefined;
  /** Shortest wait before a retry, in milliseconds; undefined where no retry will help. */
  readonly retryAfterMs?: number | undefined;
  /** Code of the gateway. */
  readonly gatewayCode?: string | undefined;
  /** True for a sealed refusal; false by default. */
  readonly isSealed?: boolean | undefined;
}

/**
 * The gateway refused a request, did not answer, or its answer could not be used.
 *
 * @example Retry only what may succeed later
 * ```ts
 * import { GatewayClient, GatewayError, WrongKeyError } from "@e2e-gateway/client";
 *
 * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
 * try {
 *   await gateway.publish("home/mode", "night");
 * } catch (error) {
 *   if (error instanceof WrongKeyError) console.error("Pair this device again");
 *   else if (error instanceof GatewayError && error.retryAfterMs !== undefined) {
 *     console.error(`${error.message}: retry in ${error.retryAfterMs} ms at the earliest`);
 *   } else throw error;
 * }
 * ```
 */
export abstract class GatewayError extends Error {
  /** Stable code of the class, also across languages and versions. */
  abstract readonly code: GatewayErrorCode;
  /** Status of HTTP, or the sealed one; 0 where there was no answer, or none that counts. */
  readonly status: number;
  /** Shortest wait before a retry, in milliseconds; undefined where no retry will help. */
  readonly retryAfterMs: number | undefined;
  /**
   * Code of a sealed refusal of the gateway, such as `broker_not_allowed`: docs/protocol.md lists them. Undefined for
   * other errors. For an older gateway, which sends no code, it is derived from the text where that is known.
   */
  readonly gatewayCode: string | undefined;
  /** True for a sealed refusal, which proves that the gateway answered: a plain one may be of any program in between. */
  readonly isSealed: boolean;

  /** Makes the error. */
  constructor(
    message: string,
    { status = 0, retryAfterMs, gatewayCode, isSealed = false, ...options }: GatewayErrorOptions = {},
  ) {
    super(message, options);
    this.name = new.target.name;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.gatewayCode = gatewayCode;
    this.isSealed = isSealed;
  }
}

/** Temporary failure: a retry may succeed. */
export abstract class PassingError extends GatewayError {
  /** Makes the error; without a shortest wait, unless the options have one. */
  constructor(message: string, { retryAfterMs = 0, ...options }: GatewayErrorOptions = {}) {
    super(message, { retryAfterMs, ...options });
  }
}

/** No answer, or the connection broke off within it. A call may have run. */
export class UnreachableError extends PassingError {
  /** Code of this class. */
  override readonly code = "unreachable";
}

/** No answer in time. A call may have run. */
export class RequestTimeoutError extends PassingError {
  /** Code of this class. */
  override readonly code = "timeout";
}

/** A stream broke off or went silent before its last event. */
export class TruncatedError extends PassingError {
  /** Code of this class. */
  override readonly code = "truncated";
}

/**
 * An answer or event does not open, is not for this request, or is not the next one: it was changed in between, or it is
 * not the gateway that answers.
 */
export class TamperedError extends GatewayError {
  /** Code of this class. */
  override readonly code = "tampered";
}

/** The gateway does not accept the key: it is unknown, or was removed, disabled or has expired. */
export class WrongKeyError extends GatewayError {
  /** Code of this class. */
  override readonly code = "wrong_key";
  /** True if the gateway announced version 2: then version 1 does not help. Not authenticated: the answer is plain. */
  readonly knowsVersion2: boolean;

  /** Makes the error. */
  constructor(message: string, { knowsVersion2 = false, ...options }: WrongKeyErrorOptions = {}) {
    super(message, options);
    this.knowsVersion2 = knowsVersion2;
  }
}

/** Properties of the error for a key that the gateway does not accept. */
export interface WrongKeyErrorOptions extends GatewayErrorOptions {
  /** True if the gateway announced version 2; false by default. */
  readonly knowsVersion2?: boolean | undefined;
}

/** The gateway does not accept a pairing code: it is unknown, was used, or is older than 10 minutes. */
export class PairingCodeError extends GatewayError {
  /** Code of this class. */
  override readonly code = "pairing_code";
}

/** Another request has just used the pairing code. Unless it was one of this device, its key is to be removed. */
export class AlreadyPairedError extends GatewayError {
  /** Code of this class. */
  override readonly code = "already_paired";
}

/** The request's timestamp is too far from the gateway's time. */
export class ExpiredError extends GatewayError {
  /** Code of this class. */
  override readonly code = "expired";
  /** Time of the gateway, in seconds since 1970; undefined where it did not send it. */
  readonly gatewayTime: number | undefined;

  /** Makes the error from the gateway's time, in seconds since 1970. */
  constructor(message: string, { gatewayTime, ...options }: ExpiredErrorOptions = {}) {
    super(message, options);
    this.gatewayTime = gatewayTime;
  }
}

/** Properties of the error for a request that came too late or too early. */
export interface ExpiredErrorOptions extends GatewayErrorOptions {
  /** Time of the gateway, in seconds since 1970. */
  readonly gatewayTime?: number | undefined;
}

/** The key has no right to do this. */
export class ScopeError extends GatewayError {
  /** Code of this class. */
  override readonly code = "scope";
}

/** Too many requests in too short a time, or at once. */
export class RateLimitError extends PassingError {
  /** Code of this class. */
  override readonly code = "rate_limit";
}

/** The gateway, or a proxy before it, could not accept the request just now. */
export class UnavailableError extends PassingError {
  /** Code of this class. */
  override readonly code = "unavailable";
}

/** The gateway accepted the request, but Jeedom, the broker or another service failed. A call may have run. */
export class FailedError extends GatewayError {
  /** Code of this class. */
  override readonly code = "failed";
}

/** Jeedom refused to send its events. */
export class JeedomError extends GatewayError {
  /** Code of this class. */
  override readonly code = "jeedom";
}

/** The gateway refuses the request, such as one with a wrong field. */
export class RefusedError extends GatewayError {
  /** Code of this class. */
  override readonly code = "refused";
}

/** The platform has no WebCrypto: nothing was sent. */
export class NoWebCryptoError extends GatewayError {
  /** Code of this class. */
  override readonly code = "no_webcrypto";

  /** Makes the error. */
  constructor() {
    super("WebCrypto is missing: a web page needs https or localhost for it, Node needs version 20 or later");
  }
}
