/**
 * What is known of a request before it is opened.
 *
 * @module
 */

/** Where a request came from and where it went. */
export interface Caller {
  /** The address that it is counted for. */
  readonly address: string;
  /** The route, such as `/gateway`. */
  readonly route: string;
}

/** Answers a request. */
export type RouteHandler = (request: Request, caller: Caller) => Response | Promise<Response>;
