/**
 * Router of the public port and the admin port: a table of routes, the request id header, and errors as responses.
 *
 * @module
 */
import { type RandomBytes, toHex } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import { badRequest, errorResponse, HttpError, internalError, methodNotAllowed, notFound } from "./errors.ts";

/** Response header with the request's id. */
export const REQUEST_ID_HEADER = "X-Request-Id";

/** Length of a request id in bytes: long enough that no two are the same. */
const ID_BYTES = 8;

/** Id and origin of a request. */
export interface RequestOrigin {
  /** Id of the request, in its response's header and in all log lines about it: 16 hexadecimal digits. */
  readonly requestId: string;
  /** Address that the request is counted for. */
  readonly address: string;
}

/** Id, origin and route of a sealed request. */
export interface RequestInfo extends RequestOrigin {
  /** Route that the request reached, independent of rewriting by proxies. */
  readonly route: Route;
}

/** Answers a sealed request to a route. */
export type RouteHandler = (request: Request, requestInfo: RequestInfo) => Promise<Response>;

/** Entry of the route table. */
export interface RouteEntry<Label extends string = string> {
  /** Path, without a trailing slash. */
  readonly path: string;
  /** Name of the route in metrics, which several paths may share. */
  readonly label: Label;
  /** Accepted methods. */
  readonly methods: readonly string[];
  /** Answers a request with an accepted method. */
  readonly handle: (request: Request, origin: RequestOrigin) => Response | Promise<Response>;
}

/** Methods of a route that only reads. */
export const READ_METHODS: readonly string[] = ["GET", "HEAD"];

/** Request and the route that its path leads to. */
export interface RoutedRequest<Label extends string> {
  /** Request as it came. */
  readonly request: Request;
  /** URL of the request; null if its request line or `Host` header is malformed. */
  readonly url: URL | null;
  /** Route of its path; undefined if there is none. */
  readonly entry: RouteEntry<Label> | undefined;
  /** Id and address of the request. */
  readonly origin: RequestOrigin;
  /** Time of arrival on the monotonic clock, in milliseconds. */
  readonly receivedAt: number;
}

/** Routes and hooks of a port. */
export interface RouterOptions<Label extends string> {
  /** Route table. */
  readonly routes: readonly RouteEntry<Label>[];
  /** Source of request ids. */
  readonly randomBytes: RandomBytes;
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic?: () => number;
  /** Returns the address to count a request for; by default its peer's. */
  readonly addressOf?: (request: Request, peer: string) => string;
  /** Runs before path and method are checked. A response that it returns is the answer. */
  readonly intercept?: (routed: RoutedRequest<Label>) => Response | Promise<Response> | undefined;
  /** Reports an error that ended a request, and returns the one to answer with. */
  readonly onError: (error: unknown, routed: RoutedRequest<Label>) => HttpError;
  /** Completes the headers of each response. */
  readonly finish?: (request: Request, response: Response) => void;
}

/** Route that a URL leads to. */
interface FoundRoute<Label extends string> extends Pick<RoutedRequest<Label>, "url" | "entry"> {
  /** The URL, as it came. */
  readonly text: string;
}

/** Answers a request from a peer, an IP address. Never rejects. */
export type Handler = (request: Request, peer: string) => Promise<Response>;

/** Slashes before a path: clients append a route to an address that ends with one. */
const LEADING_SLASHES = /^\/+/;

/** Returns the handler of a port. */
export function createRouter<Label extends string>(options: RouterOptions<Label>): Handler {
  const entries = new Map<string, RouteEntry<Label>>(options.routes.map((entry) => [entry.path, entry]));
  const { randomBytes, addressOf = (_request, peer) => peer, monotonic = () => performance.now() } = options;

  /** The last URL and its route: most requests have the same. */
  let last: FoundRoute<Label> = { text: "", url: null, entry: undefined };

  function findRoute(text: string): FoundRoute<Label> {
    if (text !== last.text) {
      const url = URL.parse(text);
      const entry = url === null ? undefined : entries.get(url.pathname.replace(LEADING_SLASHES, "/"));
      last = { text, url, entry };
    }
    return last;
  }

  function answer(routed: RoutedRequest<Label>): Response | Promise<Response> {
    const { request, url, entry, origin } = routed;
    const intercepted = options.intercept?.(routed);
    if (intercepted !== undefined) return intercepted;
    if (url === null) throw badRequest();
    if (entry === undefined) throw notFound();
    if (!entry.methods.includes(request.method)) throw methodNotAllowed(entry.methods.join(", "));
    return entry.handle(request, origin);
  }

  return async (request, peer) => {
    const { url, entry } = findRoute(request.url);
    // Ids sent by clients are ignored, as they could fake another request's log lines.
    const origin = { requestId: toHex(randomBytes(ID_BYTES)), address: addressOf(request, peer) };
    const routed = { request, url, entry, origin, receivedAt: monotonic() };
    let response: Response;
    try {
      response = await answer(routed);
    } catch (error) {
      response = errorResponse(options.onError(error, routed));
    }
    response.headers.set(REQUEST_ID_HEADER, origin.requestId);
    options.finish?.(request, response);
    return response;
  };
}

/** Returns the error to answer with: other errors than an `HttpError` are internal. */
export function toHttpError(error: unknown): HttpError {
  return error instanceof HttpError ? error : internalError();
}
