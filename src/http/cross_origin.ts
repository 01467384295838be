/**
 * Requests of web pages of other origins. A page needs a key like every other client; Cross-Origin Resource Sharing (Fetch
 * standard, "CORS protocol") only lets pages of allowed origins read the responses.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { PROTOCOL_HEADER } from "../protocol/exchange.ts";
import { KEY_ID_HEADER } from "../protocol/secret_key.ts";
import { REQUEST_ID_HEADER } from "./router.ts";

/** Seconds for which a browser may cache the answer to a preflight: the maximum of Chromium. */
const PREFLIGHT_MAX_AGE_SECONDS = 7200;

/** Headers that clients send. */
const REQUEST_HEADERS = ["Content-Type", KEY_ID_HEADER].join(", ");

/** Headers that clients read, and that browsers would otherwise hide from the page. */
const RESPONSE_HEADERS = ["Retry-After", REQUEST_ID_HEADER, PROTOCOL_HEADER].join(", ");

/** Origins whose pages may use the gateway. */
export class AllowedOrigins {
  readonly #origins: ReadonlySet<string>;

  /** Creates the set from origins as browsers write them into the header `Origin`. */
  constructor(origins: Iterable<string>) {
    this.#origins = new Set(origins);
  }

  /** Returns whether a page of an allowed origin sent a request. */
  has(request: Request): boolean {
    return this.#origins.size > 0 && this.#origins.has(request.headers.get("Origin") ?? "");
  }

  /** Returns whether a request is a preflight that is to be answered: none is if no origin is allowed. */
  isPreflight({ method, headers }: Request): boolean {
    return this.#origins.size > 0 && method === "OPTIONS" && headers.has("Origin") &&
      headers.has("Access-Control-Request-Method");
  }

  /** Lets a page of an allowed origin read a response, and makes caches distinguish responses by origin. */
  share(request: Request, { headers }: Response): void {
    if (this.#origins.size === 0) return;
    headers.append("Vary", "Origin");
    if (!this.has(request)) return;
    // Without credentials: the gateway has none but its keys.
    headers.set("Access-Control-Allow-Origin", request.headers.get("Origin") ?? "");
    headers.set("Access-Control-Expose-Headers", RESPONSE_HEADERS);
  }
}

/**
 * Returns the response to a preflight of an allowed origin.
 *
 * @param methods methods that the path accepts
 */
export function preflightResponse(request: Request, methods: readonly string[]): Response {
  const headers = new Headers({
    "Access-Control-Allow-Methods": methods.join(", "),
    "Access-Control-Allow-Headers": REQUEST_HEADERS,
    "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE_SECONDS),
  });
  // Private Network Access: a page from the internet asks for an address at home, and its origin is allowed.
  if (request.headers.get("Access-Control-Request-Private-Network") === "true") {
    headers.set("Access-Control-Allow-Private-Network", "true");
  }
  return new Response(null, { status: STATUS_CODE.NoContent, headers });
}

/**
 * Returns whether a browser states that a page of another origin sent a request. Such requests must not count against the
 * address they come from.
 *
 * `Sec-Fetch-Site` is set by the browser (Fetch Metadata, W3C) and correct behind any proxy. Browsers omit it for plain
 * HTTP to other machines; then `Origin` decides. Apps are not pages: they send neither, or an `Origin` without a site,
 * such as `null`, `capacitor://localhost` or `http://localhost`.
 *
 * @param publicUrl address of the gateway as clients reach it, needed where a proxy changes the `Host` header
 */
export function isCrossSite({ headers, url }: Request, publicUrl: URL | undefined): boolean {
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null) return site === "cross-site" || site === "same-site";
  const given = headers.get("Origin");
  const origin = given === null ? null : URL.parse(given);
  if (origin === null || !["http:", "https:"].includes(origin.protocol) || origin.hostname === "localhost") {
    return false;
  }
  const own = URL.parse(url);
  // A proxy that terminates TLS changes the scheme, and may add its port: only the host and an explicit port count.
  if (own !== null) own.protocol = origin.protocol;
  return origin.host !== own?.host && origin.host !== publicUrl?.host;
}
