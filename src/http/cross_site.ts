/**
 * Requests that a web page of another site makes a browser send: they may not count against the address they come from.
 *
 * @module
 */

/**
 * Returns whether a browser says that a page of another origin sent a request. Such a page could not read an answer
 * anyway, as no answer allows it to (CORS).
 *
 * `Sec-Fetch-Site` is the browser's own word (Fetch Metadata, W3C), and right behind any proxy. Browsers leave it out for
 * plain HTTP to other machines; then `Origin` tells. Apps are not pages: they send neither, or an `Origin` that names no
 * site, such as `null`, `capacitor://localhost` or `http://localhost`.
 *
 * @param publicUrl the gateway's address as phones reach it, where a proxy changes the `Host` header
 */
export function isCrossSite({ headers, url }: Request, publicUrl: URL | undefined): boolean {
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null) return site === "cross-site" || site === "same-site";
  const origin = URL.parse(headers.get("Origin") ?? "");
  if (origin === null || !["http:", "https:"].includes(origin.protocol) || origin.hostname === "localhost") {
    return false;
  }
  const own = URL.parse(url);
  // A proxy that ends TLS changes the scheme, and may write its port: only the host counts, and a port of one's own.
  if (own !== null) own.protocol = origin.protocol;
  return origin.host !== own?.host && origin.host !== publicUrl?.host;
}
