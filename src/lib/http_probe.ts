/**
 * Single HTTP requests to unknown servers, such as for the checks of the doctor.
 *
 * @module
 */
import { readBytes } from "./read_bytes.ts";
import { describeFetchError, type FetchFailure } from "./fetch_failure.ts";

/** Reply of a server. */
export interface HttpReply {
  /** Distinguishes a reply from a failure. */
  readonly kind: "reply";
  /** HTTP status. */
  readonly status: number;
  /** Headers. */
  readonly headers: Headers;
  /** Body; empty if it exceeds the limit of bodies that are read. */
  readonly text: string;
  /** Time of sending the request, in milliseconds since 1970. */
  readonly began: number;
  /** Time of receiving the head of the answer, in milliseconds since 1970. */
  readonly ended: number;
}

/** Options of a request. */
export interface Question {
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Deadline of the request. */
  readonly signal: AbortSignal;
  /** Body of a POST; absent for a GET. */
  readonly body?: string | undefined;
  /** Headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Largest body to read, in bytes: the answers of a gateway and of Jeedom to a probe are far smaller. */
const MAX_BYTES = 64 * 1024;

/** Sends a request, and follows no redirect. Never throws. */
export async function ask(url: string, question: Question): Promise<HttpReply | FetchFailure> {
  const { fetch, now, signal, body, headers = {} } = question;
  try {
    const began = now();
    const init = body === undefined ? {} : { method: "POST", body };
    const response = await fetch(url, { ...init, headers, redirect: "manual", signal });
    const ended = now();
    const bytes = await readBytes(response, MAX_BYTES, { signal }).catch(() => undefined);
    if (bytes === undefined && signal.aborted) return describeFetchError(undefined, signal);
    const text = new TextDecoder().decode(bytes);
    return { kind: "reply", status: response.status, headers: response.headers, text, began, ended };
  } catch (error) {
    return describeFetchError(error, signal);
  }
}

/** Returns whether a reply is an HTML page. */
export function isPage({ headers, text }: HttpReply): boolean {
  return (headers.get("Content-Type") ?? "").includes("text/html") || /^\s*<(!doctype|html)/i.test(text);
}

/** Recognizes the answer to plain HTTP on a port for HTTPS: of Apache, of nginx, and of servers in Go. */
export function isPlainHttpRefusal({ status, text }: HttpReply): boolean {
  return status === 400 &&
    /plain HTTP to an SSL-enabled|plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server/i.test(text);
}
