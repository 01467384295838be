/**
 * Endpoints of push services: URLs that clients name and the gateway sends to, so that each must be allowed.
 *
 * @module
 */
import {
  addressFault,
  formatHostPattern,
  type HostPattern,
  isHostAllowed,
  isPublicAddress,
  needsWholeNetwork,
  parseHostPattern,
} from "../net/egress.ts";
import { canonicalHost, hostOf, isHost } from "../net/host.ts";
import { parseAddress } from "../net/ip_address.ts";

/** Push services of the browsers: Chrome, Edge, Opera and Samsung Internet; Firefox; Safari; Edge on Windows. */
export const BROWSER_PUSH_HOSTS: readonly HostPattern[] = [
  "fcm.googleapis.com",
  "*.push.services.mozilla.com",
  "*.push.apple.com",
  "*.notify.windows.com",
].map(parseHostPattern);

/**
 * Returns the targets of `--allow-net` for push services; `undefined` where they need the network everywhere: Deno has no
 * permission for any host, or for a network of IPv6.
 *
 * @param named hosts that the operator allows besides those of the browsers
 */
export function pushTargets(named: readonly HostPattern[]): readonly string[] | undefined {
  if (needsWholeNetwork(named)) return undefined;
  return [...BROWSER_PUSH_HOSTS, ...named].map(({ host, port }) =>
    // To resolve a name needs the permission for the name with any port.
    formatHostPattern({ host, port: isNumeric(host) ? port ?? HTTPS_PORT : undefined })
  );
}

/** Longest endpoint, in characters; those of browsers have up to 800. */
const MAX_ENDPOINT_LENGTH = 2048;

/** Port of an endpoint that names none. */
export const HTTPS_PORT = 443;

/** Printable ASCII without the backslash, which parsers of URLs take for a slash, and without a fragment. */
const PLAIN_URL = /^https:\/\/[!"$-[\]-~]+$/i;

/** Last labels of names that do not belong to the public network (RFC 6761, RFC 6762, RFC 8375, and custom). */
const PRIVATE_DOMAINS: ReadonlySet<string> = new Set([
  ...["localhost", "local", "internal", "home", "lan", "intranet", "private", "corp", "arpa"],
  ...["test", "invalid", "example", "onion"],
]);

/**
 * Parses an endpoint: `https:`, without login and fragment, on an allowed host. A port other than 443 must be named with
 * its host. An address, and a name of a private network, must be named, too: `*` does not allow them.
 *
 * @param allowed hosts of push services, those of the browsers included
 * @throws {TypeError} if it is not one, or not allowed; the message follows the name of the field, and quotes nothing of
 * it but the host
 */
export function parseEndpoint(text: string, allowed: readonly HostPattern[]): URL {
  if (text.length > MAX_ENDPOINT_LENGTH) throw new TypeError(`must have at most ${MAX_ENDPOINT_LENGTH} characters`);
  const url = PLAIN_URL.test(text) ? URL.parse(text) : null;
  if (url === null || url.protocol !== "https:" || !isHost(hostOf(url))) {
    throw new TypeError("must be an address of a push service with https:// and without a fragment");
  }
  if (url.username !== "" || url.password !== "") throw new TypeError("must not contain a user name or password");
  const host = hostOf(url);
  const port = url.port === "" ? HTTPS_PORT : Number(url.port);
  const fault = parseAddress(host) === undefined ? undefined : addressFault(host);
  if (fault !== undefined) throw new TypeError(`must be another address: this one ${fault}`);
  if (!isHostAllowed(namesOnly(allowed, host), host, port)) {
    throw new TypeError(
      `must be of a push service that the gateway allows: add ${url.host} to PUSH_ALLOWED_HOSTS if it is one`,
    );
  }
  return url;
}

/**
 * Returns the reason not to connect to an address that the host of an endpoint is resolved to: a name of the public
 * network must not lead into a private one, unless its host is named.
 *
 * @param named hosts that the operator allows besides those of the browsers
 * @returns text that follows the address, or undefined if the address is allowed
 */
export function resolvedAddressFault(
  address: string,
  endpoint: URL,
  named: readonly HostPattern[],
): string | undefined {
  const fault = addressFault(address);
  if (fault !== undefined || isPublicAddress(address)) return fault;
  const host = hostOf(endpoint);
  const isNamed = named.some((pattern) =>
    pattern.host !== "*" && isHostAllowed([{ ...pattern, port: undefined }], host, 0)
  );
  return isNamed ? undefined : "is not an address of the public network";
}

/** Returns the patterns that may allow a host, each with its port. */
function namesOnly(patterns: readonly HostPattern[], host: string): readonly HostPattern[] {
  const isPublic = isPublicName(canonicalHost(host));
  return patterns
    .filter((pattern) => isPublic || pattern.host !== "*")
    .map((pattern) => ({ ...pattern, port: pattern.port ?? HTTPS_PORT }));
}

function isNumeric(host: string): boolean {
  return parseAddress(host) !== undefined || host.includes("/");
}

/** Returns whether a host is a name of the public network. */
function isPublicName(host: string): boolean {
  const labels = host.split(".");
  return parseAddress(host) === undefined && labels.length > 1 && !PRIVATE_DOMAINS.has(labels.at(-1) ?? "");
}
