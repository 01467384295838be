/**
 * What is known of a request before it is opened.
 *
 * @module
 */

import type { Route } from "../protocol/v2/envelope.ts";

/** Where a request came from and where it went. */
export interface RequestInfo {
  /** The request's own id, for the header of the answer and for all lines about it in the log: 16 hex digits. */
  readonly requestId: string;
  /** The address that it is counted for. */
  readonly address: string;
  /** The route: where it went, whatever a proxy called it. */
  readonly route: Route;
}

/** Answers a request to a route. */
export type RouteHandler = (request: Request, caller: RequestInfo) => Promise<Response>;
