/**
 * Asking a server over HTTP, whatever it may be.
 *
 * @module
 */
import { readBytes } from "./read_bytes.ts";
import { describeFetchError, type FetchFailure } from "./fetch_failure.ts";

/** What came back. */
export interface HttpReply {
  /** Tells it from a failure. */
  readonly kind: "reply";
  /** HTTP status. */
  readonly status: number;
  /** Headers. */
  readonly headers: Headers;
  /** Body; empty where it is longer than any that the doctor looks into. */
  readonly text: string;
  /** When the request was sent, in milliseconds since 1970. */
  readonly began: number;
  /** When the head of the answer was there, in milliseconds since 1970. */
  readonly ended: number;
}

/** What is asked, and how. */
export interface Question {
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** The deadline. */
  readonly signal: AbortSignal;
  /** What is posted; nothing is for a GET. */
  readonly body?: string | undefined;
  /** Headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that the doctor understands is far smaller, in bytes. */
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

/** Reads a reply's body as JSON; undefined where it is none. */
export function jsonOf({ text }: HttpReply): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Tells whether a reply is a page for people. */
export function isPage({ headers, text }: HttpReply): boolean {
  return (headers.get("Content-Type") ?? "").includes("text/html") || /^\s*<(!doctype|html)/i.test(text);
}

/** Recognizes the answer to plain HTTP on a port for HTTPS: of Apache, of nginx, and of servers in Go. */
export function isPlainHttpRefusal({ status, text }: HttpReply): boolean {
  return status === 400 &&
    /plain HTTP to an SSL-enabled|plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server/i.test(text);
}
