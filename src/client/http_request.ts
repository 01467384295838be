/**
 * HTTP requests that the gateway sends.
 *
 * @module
 */
import { fromBase64 } from "../protocol/bytes.ts";
import { isObject } from "../lib/json.ts";
import type { Answer } from "./answer.ts";
import { malformed } from "./service_answer.ts";

/** Address of an HTTP request: a target that the operator named, or a URL that the gateway allows. */
export type HttpAddress =
  | {
    /** Name of a target. */
    readonly target: string;
    /** Path below that of the target, without a query. */
    readonly path: string;
    /** Parameters of the query: texts, numbers and booleans, or lists of them. */
    readonly query?: Readonly<Record<string, unknown>> | undefined;
  }
  | {
    /** URL, with its query. */
    readonly url: string;
    /** Absent: the query is in the URL. */
    readonly query?: undefined;
  };

/** HTTP request, without its address. */
export interface HttpRequestFields {
  /** Method; by default `GET` for a target, and `POST` for a URL. */
  readonly method?: string | undefined;
  /** Headers, by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Body: a text as it is, any other value as its JSON text. */
  readonly body?: unknown;
  /** Asks for the bytes of the answer. Off by default. */
  readonly raw?: boolean | undefined;
  /** Longest wait of the gateway, in seconds. */
  readonly timeout?: number | undefined;
}

/** HTTP request. */
export type HttpRequest = HttpAddress & HttpRequestFields;

/** HTTP answer. */
export interface HttpAnswer extends Answer {
  /** Headers, their names in lower case; several `set-cookie` are joined by line ends. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body, where `raw` asked for them. The body is null then. */
  readonly bytes: Uint8Array | undefined;
  /** Media type of the body. */
  readonly contentType: string | undefined;
}

/**
 * Parses the answer to an HTTP request, whatever its status.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseHttpAnswer(answer: Answer): HttpAnswer {
  const { headers: sent, content_type: contentType } = answer.members;
  const headers = isObject(sent) ? textsOf(sent) : {};
  return {
    ...answer,
    headers,
    bytes: bytesOf(answer, "http"),
    contentType: typeof contentType === "string" && contentType !== "" ? contentType : headers["content-type"],
  };
}

/**
 * Returns the bytes of an answer.
 *
 * @param service name of the service, for the message
 * @returns the bytes, or undefined if the answer has none
 * @throws {FailedError} if they are malformed
 */
export function bytesOf({ members: { body_b64: encoded } }: Answer, service: string): Uint8Array | undefined {
  if (encoded === undefined || encoded === null) return undefined;
  try {
    if (typeof encoded === "string") return fromBase64(encoded);
  } catch {
    // Reported below, as any other value.
  }
  throw malformed(service);
}

function textsOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}
