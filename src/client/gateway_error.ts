/**
 * What can go wrong between a client and its gateway.
 *
 * @module
 */

/** The gateway refused a request, did not answer, or its answer could not be understood. */
export class GatewayError extends Error {
  /** Makes the error from the gateway's status, or 0 when nobody answered, and its words. */
  constructor(readonly status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GatewayError";
  }
}

/** What is known of a failure that may pass. */
export interface TemporaryErrorOptions extends ErrorOptions {
  /** How long the other side asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * A failure that may pass by itself: nobody answered, the line broke off, or the gateway or a proxy before it had no
 * room or a fault. Says nothing about whether a call ran.
 */
export class TemporaryError extends GatewayError {
  /** Least time to wait before the next try, in milliseconds. */
  readonly retryAfterMs: number;

  /** Makes the error from the status, or 0 when nobody answered, and what happened. */
  constructor(status: number, message: string, options: TemporaryErrorOptions = {}) {
    super(status, message, options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}
