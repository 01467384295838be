/**
 * Recognition of proxies in the cloud that end TLS: their operators can read requests, and change the page.
 *
 * @module
 */

/** Response headers by the proxy that adds them. */
const HEADERS: readonly (readonly [proxy: string, name: string, value?: RegExp])[] = [
  ["Cloudflare", "CF-Ray"],
  ["Cloudflare", "CF-Cache-Status"],
  ["Cloudflare", "Server", /^cloudflare/i],
  ["Amazon CloudFront", "X-Amz-Cf-Id"],
  ["Amazon CloudFront", "Via", /\bcloudfront\b/i],
  ["Azure Front Door", "X-Azure-Ref"],
  ["Fastly", "X-Served-By", /^cache-/i],
  ["Fly.io", "Fly-Request-Id"],
  ["Google Cloud", "Via", /\bgoogle\b/i],
];

/** Returns the proxy that has passed on a response, with the header that shows it; undefined if none is recognized. */
export function findTlsEndingProxy(headers: Headers): { readonly proxy: string; readonly header: string } | undefined {
  const found = HEADERS.find(([_proxy, name, value]) => {
    const text = headers.get(name);
    return text !== null && (value === undefined || value.test(text));
  });
  return found === undefined ? undefined : { proxy: found[0], header: found[1] };
}
