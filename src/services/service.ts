/**
 * What a decrypted request can ask for, and what comes back.
 *
 * @module
 */
import type { ErrorCode } from "../protocol/error_code.ts";
import type { Payload } from "../protocol/payload.ts";
import type { Scope } from "../keys/rights.ts";

/** The answer of a service, before it is sealed. */
export interface Reply {
  /** Status for the client: the service's own HTTP status, or 200. */
  readonly status: number;
  /** The body as JSON text, so that what a service sent in JSON passes unchanged. */
  readonly bodyJson: string;
  /** The same with gzip and in base64, where it goes out in place of the text. */
  readonly bodyGzip?: string;
  /** Present where the gateway itself made the answer, and never where Jeedom did. */
  readonly source?: "gateway";
  /** The service that answered, where the answer is to tell it. */
  readonly service?: ServiceName;
}

/** On whose behalf a request is executed. */
export interface ServiceContext {
  /** Name of the request's key, for what is counted for each key. */
  readonly key: string;
  /** What the request's key may do. */
  readonly scope: Scope;
  /** Aborts when the client went away. */
  readonly clientSignal: AbortSignal;
  /** Aborts when the request's key stops working or its rights change. */
  readonly revoked?: AbortSignal | undefined;
  /** Keeps the room that the answer takes until it is sealed; called with the function that gives it back. */
  readonly holdMemory: (release: () => void) => void;
}

/** The names by which requests and scopes call services. */
export type ServiceName = "jeedom" | "mqtt";

/** Executes requests of one kind. */
export interface Service {
  /** Its name. */
  readonly name: ServiceName;
  /** Status of an answer that names a missing or wrong field. */
  readonly fieldErrorStatus: number;
  /**
   * Executes one request, once.
   *
   * @param payload the request; its fields are yet to be checked
   * @throws {ServiceError} if it failed; `FieldError` if a field is missing or wrong; `ScopeError` if the key does
   * not grant it
   */
  handle(payload: Payload, context: ServiceContext): Promise<Reply>;
  /** Tells what a request is about, for the audit: a method or a topic, but never a value. */
  target(payload: Payload): string | undefined;
}

/** What a service error has besides its status and its message. */
export interface ServiceErrorOptions extends ErrorOptions {
  /** What went wrong, in one word that never changes. */
  readonly code: ErrorCode;
  /** When to come again, in seconds, where waiting helps. */
  readonly retryAfterSeconds?: number;
}

/** A service could not do what was asked. The message goes to the client as it is, and holds no secret. */
export class ServiceError extends Error {
  /** What went wrong, in one word that never changes. */
  readonly code: ErrorCode;
  /** When to come again, in seconds, where waiting helps. */
  readonly retryAfterSeconds: number | undefined;

  /**
   * Makes the error from the answer's status and the message for the client.
   *
   * @param options `code` is for the client's program, `cause` for the log alone
   */
  constructor(readonly status: number, message: string, options: ServiceErrorOptions) {
    super(message, options);
    this.name = "ServiceError";
    this.code = options.code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What an error answer tells besides its status and its message. */
export interface ErrorReplyOptions {
  /** What went wrong, in one word that never changes. */
  readonly code: ErrorCode;
  /** When to come again, in seconds, where waiting helps. */
  readonly retryAfterSeconds?: number | undefined;
}

/** Makes an error answer of the gateway itself. */
export function errorReply(status: number, message: string, { code, retryAfterSeconds }: ErrorReplyOptions): Reply {
  return gatewayReply(status, { error: message, code, retry_after: retryAfterSeconds });
}

/** Makes an answer of the gateway itself: a JSON string with JSON in it, as clients of the original gateway read it. */
export function gatewayReply(status: number, body: Readonly<Record<string, unknown>>): Reply {
  return { ...textReply(status, JSON.stringify(body)), source: "gateway" };
}

/** Makes an answer whose body is a JSON string. */
export function textReply(status: number, text: string): Reply {
  return { status, bodyJson: JSON.stringify(text) };
}
