/**
 * Facts about a request that are known before it is opened.
 *
 * @module
 */
import { type RandomBytes, toHex } from "../protocol/bytes.ts";
import type { Route } from "../protocol/v2/envelope.ts";

/** Response header with the request's id. */
export const REQUEST_ID_HEADER = "X-Request-Id";

/** Length of an id in bytes: long enough that no two are the same. */
const ID_BYTES = 8;

/** Id and origin of a request. */
export interface RequestOrigin {
  /** Id of the request, in its response's header and in all log lines about it: 16 hexadecimal digits. */
  readonly requestId: string;
  /** Address that the request is counted for. */
  readonly address: string;
}

/** Id, origin and route of a request. */
export interface RequestInfo extends RequestOrigin {
  /** Route that the request reached, independent of rewriting by proxies. */
  readonly route: Route;
}

/** Answers a request to a route. */
export type RouteHandler = (request: Request, requestInfo: RequestInfo) => Promise<Response>;

/** Returns a new id. Ids sent by clients are ignored, as they could fake another request's log lines. */
export function createRequestId(randomBytes: RandomBytes): string {
  return toHex(randomBytes(ID_BYTES));
}
