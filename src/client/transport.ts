/**
 * HTTP to one gateway, and its failures in our words.
 *
 * @module
 */
import { readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { TamperedError, UnreachableError } from "./gateway_error.ts";
import { readPlainRefusal } from "./refusal.ts";

/** Largest answer to read, in bytes: far above what a gateway lets through, and nothing that would fill a phone. */
const ANSWER_MAX_BYTES = 64 * 2 ** 20;

/** Where the gateway is, and how to get there. */
export interface TransportOptions {
  /** The gateway's address. */
  readonly url: string;
  /** Sends HTTP requests; the platform's own by default. */
  readonly fetch?: typeof fetch | undefined;
  /** What errors call the key. */
  readonly keyLabel: string;
}

/** The way to one gateway. */
export class Transport {
  /** The gateway's address, without a slash at its end. */
  readonly url: string;
  /** What errors call the key. */
  readonly keyLabel: string;
  readonly #fetch: typeof fetch;

  /**
   * Makes it; nothing is sent yet.
   *
   * @throws {TypeError} if the address is none of HTTP
   */
  constructor(options: TransportOptions) {
    // Callers in JavaScript may give anything.
    if (!/^https?:\/\/[^/]/.test(options.url) || !URL.canParse(options.url)) {
      throw new TypeError(`Address must begin with http:// or https://, not "${options.url}"`);
    }
    this.url = options.url.replace(/\/+$/, "");
    this.keyLabel = options.keyLabel;
    this.#fetch = options.fetch ?? fetch;
  }

  /**
   * Sends an HTTP request as it is.
   *
   * @param path the route, with a slash at its beginning
   * @throws {UnreachableError} if nobody answered
   * @throws {GatewayError} if the answer's status is no success
   */
  async send(path: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    // Browsers refuse to run their fetch as a method of something else.
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
   * Reads an answer's body.
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

/** Adds what else may be wrong on a web page, which browsers tell to no program: the gateway does not allow its origin. */
function otherOrigin(url: string): string {
  const { location }: { readonly location?: { readonly origin?: string } } = globalThis;
  const origin = location?.origin;
  return origin === undefined || origin === new URL(url).origin
    ? ""
    : `, or its ALLOWED_ORIGINS does not name ${origin}`;
}
