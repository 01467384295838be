/**
 * Web origins (RFC 6454): scheme, host and port of the pages of a site.
 *
 * @module
 */
import { hostOf, isHost } from "./egress.ts";
import { isLoopback } from "./ip_address.ts";

/** The rule for origins, as part of an error message. */
const RULE = "must be exact origins such as https://app.example, without login, path, query and wildcards; " +
  "http:// only for localhost, as browsers give other pages over http no WebCrypto";

/**
 * Reads an origin, in any spelling that a URL may have.
 *
 * @param text such as `https://app.example` or `http://localhost:5173`
 * @returns the origin as browsers write it into the header `Origin`: lower case, without the scheme's own port
 * @throws {TypeError} if it is not one origin, or one of plain HTTP on another machine
 */
export function parseOrigin(text: string): string {
  const url = URL.parse(text);
  const isOrigin = url !== null && url.href === `${url.origin}/` && isHost(hostOf(url));
  if (isOrigin && (url.protocol === "https:" || url.protocol === "http:" && isLoopback(hostOf(url)))) return url.origin;
  throw new TypeError(RULE);
}
