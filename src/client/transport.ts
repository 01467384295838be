/**
 * HTTP to one gateway, with its failures as errors of the client.
 *
 * @module
 */
import { readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { RequestTimeoutError, TamperedError, UnreachableError } from "./gateway_error.ts";
import { readPlainRefusal } from "./refusal.ts";

/** Longest wait for an answer, in milliseconds: longer than the gateway waits for Jeedom or a broker. */
export const TIMEOUT_MS = 40_000;

/** Largest answer to read, in bytes: far above what a gateway sends, far below the memory of a phone. */
const ANSWER_MAX_BYTES = 64 * 2 ** 20;

/** Address of the gateway, and the platform's `fetch`. */
export interface TransportOptions {
  /** Address of the gateway. */
  readonly url: string;
  /** Sends HTTP requests; the platform's `fetch` by default. */
  readonly fetch?: typeof fetch | undefined;
  /** Name of the key in errors. */
  readonly keyLabel: string;
}

/** Creates the error of a request that was not answered in time, in milliseconds. */
export function noAnswerWithin(ms: number): RequestTimeoutError {
  return new RequestTimeoutError(`No answer within ${ms / 1000} s: a call may have run all the same`);
}

/** HTTP to one gateway. */
export class Transport {
  /** Address of the gateway, without a slash at its end. */
  readonly url: string;
  /** Name of the key in errors. */
  readonly keyLabel: string;
  readonly #fetch: typeof fetch;

  /**
   * Makes a transport; sends nothing yet.
   *
   * @throws {TypeError} if the address is not one of HTTP
   */
  constructor(options: TransportOptions) {
    // Callers in JavaScript may pass anything.
    if (!/^https?:\/\/[^/]/.test(options.url) || !URL.canParse(options.url)) {
      throw new TypeError(`Address must begin with http:// or https://, not "${options.url}"`);
    }
    this.url = options.url.replace(/\/+$/, "");
    this.keyLabel = options.keyLabel;
    this.#fetch = options.fetch ?? fetch;
  }

  /**
   * Sends an HTTP request.
   *
   * @param path route, with a slash at its beginning
   * @throws {UnreachableError} if there was no answer
   * @throws {GatewayError} if the status of the answer is not a success
   */
  async send(path: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    // Browsers refuse to run their fetch as a method of another object.
    const fetch = this.#fetch;
    let response: Response;
    try {
      response = await fetch(this.url + path, init);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new UnreachableError(`No gateway answers at ${this.url}${otherOrigin(this.url)}`, { cause: error });
    }
    if (response.ok) return response;
    throw await readPlainRefusal(response, { key: this.keyLabel, signal: init.signal });
  }

  /**
   * Reads the body of an answer.
   *
   * @throws {UnreachableError} if it broke off
   * @throws {TamperedError} if it is larger than any answer
   */
  async readText(response: Response, signal: AbortSignal): Promise<string> {
    try {
      return new TextDecoder().decode(await readBytes(response, ANSWER_MAX_BYTES, { signal }));
    } catch (cause) {
      if (cause instanceof TooLargeError) throw new TamperedError("Answer is larger than any gateway's", { cause });
      throw new UnreachableError("Connection broke off before the whole answer was there", { cause });
    }
  }
}

/** Returns the other possible reason on a web page, which browsers hide: the gateway does not allow the page's origin. */
function otherOrigin(url: string): string {
  const { location }: { readonly location?: { readonly origin?: string } } = globalThis;
  const origin = location?.origin;
  return origin === undefined || origin === new URL(url).origin
    ? ""
    : `, or its ALLOWED_ORIGINS does not name ${origin}`;
}
