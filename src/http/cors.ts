/**
 * Cross-Origin Resource Sharing (Fetch standard, "CORS protocol"): lets the pages of some other origins read the gateway's
 * answers. It grants nothing besides: like everyone else, such a page needs a key.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { PROTOCOL_HEADER } from "../protocol/exchange.ts";
import { KEY_ID_HEADER } from "../protocol/secret_key.ts";
import { REQUEST_ID_HEADER } from "./request_id.ts";

/** Longest that a browser remembers the answer to a preflight, in seconds: the most that Chromium takes. */
const PREFLIGHT_MAX_AGE_SECONDS = 7200;

/** Headers that clients send. */
const REQUEST_HEADERS = ["Content-Type", KEY_ID_HEADER].join(", ");

/** Headers that clients read, and that browsers would otherwise hide from the page. */
const RESPONSE_HEADERS = ["Retry-After", REQUEST_ID_HEADER, PROTOCOL_HEADER].join(", ");

/** The origins whose pages may use the gateway. */
export class AllowedOrigins {
  readonly #origins: ReadonlySet<string>;

  /** Makes the set of origins, each as browsers write it into the header `Origin`. */
  constructor(origins: Iterable<string>) {
    this.#origins = new Set(origins);
  }

  /** Returns whether a page of one of them sent a request. */
  has({ headers }: Request): boolean {
    return this.#origins.has(headers.get("Origin") ?? "");
  }

  /** Returns whether a request is a browser's question that is answered here; none is where there are no origins. */
  isPreflight({ method, headers }: Request): boolean {
    return this.#origins.size > 0 && method === "OPTIONS" && headers.has("Origin") &&
      headers.has("Access-Control-Request-Method");
  }

  /** Lets a page of one of them read an answer, and tells caches that the answer depends on who asks. */
  share(request: Request, { headers }: Response): void {
    if (this.#origins.size === 0) return;
    headers.append("Vary", "Origin");
    if (!this.has(request)) return;
    // Never with credentials: the gateway knows none but its keys.
    headers.set("Access-Control-Allow-Origin", request.headers.get("Origin") ?? "");
    headers.set("Access-Control-Expose-Headers", RESPONSE_HEADERS);
  }
}

/**
 * Makes the answer to a preflight of an allowed origin.
 *
 * @param methods the methods that the path takes
 */
export function preflightResponse(request: Request, methods: readonly string[]): Response {
  const headers = new Headers({
    "Access-Control-Allow-Methods": methods.join(", "),
    "Access-Control-Allow-Headers": REQUEST_HEADERS,
    "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE_SECONDS),
  });
  // Private Network Access: a page from the internet asks for an address at home, which is what it was allowed for.
  if (request.headers.get("Access-Control-Request-Private-Network") === "true") {
    headers.set("Access-Control-Allow-Private-Network", "true");
  }
  return new Response(null, { status: STATUS_CODE.NoContent, headers });
}
