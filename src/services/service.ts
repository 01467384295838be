/**
 * What a decrypted request can ask for, and what comes back.
 *
 * @module
 */
import type { Payload } from "../protocol/payload.ts";

/** The answer of a service, before it is sealed. */
export interface Reply {
  /** Status for the client: the service's own HTTP status, or 200. */
  readonly status: number;
  /** The body as JSON text, so that what a service sent in JSON passes unchanged. */
  readonly bodyJson: string;
}

/** Executes requests of one kind. */
export interface Service {
  /** Status of an answer that names a missing or wrong field. */
  readonly fieldErrorStatus: number;
  /**
   * Executes one request, once.
   *
   * @param payload the request; its fields are yet to be checked
   * @param gone aborts when the client went away
   * @throws {ServiceError} if it failed; `FieldError` if a field is missing or wrong
   */
  handle(payload: Payload, gone: AbortSignal): Promise<Reply>;
}

/** A service could not do what was asked. The message goes to the client as it is, and holds no secret. */
export class ServiceError extends Error {
  /**
   * Makes the error from the answer's status and the message for the client.
   *
   * @param options `cause` is for the log alone
   */
  constructor(readonly status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ServiceError";
  }
}

/** Makes the body of an error answer: a JSON string with JSON in it, as the seed's clients read it. */
export function errorReply(status: number, message: string): Reply {
  return textReply(status, JSON.stringify({ error: message }));
}

/** Makes an answer whose body is a JSON string. */
export function textReply(status: number, text: string): Reply {
  return { status, bodyJson: JSON.stringify(text) };
}
