/**
 * Patterns of URLs: those that `HTTP_ALLOWED` allows, and those that a key grants.
 *
 * @module
 */
import { type HostPattern, isHostAllowed, parseHostPattern } from "../../net/egress.ts";
import { hostOf } from "../../net/host.ts";
import { isLoopback, parseAddress, parseNetwork } from "../../net/ip_address.ts";
import { pathFault } from "./path.ts";

/** Pattern of URLs. */
export interface UrlPattern {
  /** Scheme; undefined for both. */
  readonly scheme: string | undefined;
  /** Host or pattern of hosts, and port; undefined for any. */
  readonly host: HostPattern;
  /** Path of what it matches, and of what is below. */
  readonly path: string;
}

/** Rule for patterns of URLs, as text that follows the name of a setting or of an option. */
export const URL_PATTERN_RULE: string =
  "must be a list of [http://]host[:port][/path], where the host may be a name, an address, *.domain, 10.0.0.0/8, " +
  "[fd00::/8] or *, and the port *";

const PATTERN = /^(?:(https?):\/\/)?(\*|\[[^\]]*\]|[\d.]+\/\d{1,2}(?=[:/]|$)|[^/:[\]]+)(?::(\d{1,5}|\*))?(\/.*)?$/i;

/** Default ports of the schemes. */
const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Parses a pattern such as `http://192.168.1.20:5000/api`, `https://*.example`, `10.0.0.0/8` or `*`. Without a port, it
 * matches the default port of its scheme, and any port if it has no scheme.
 *
 * @throws {SyntaxError} if it is none
 */
export function parseUrlPattern(text: string): UrlPattern {
  const [, scheme, host = "", port, path = "/"] = PATTERN.exec(text) ?? [];
  if (host === "" || path.includes("*") || pathFault(path) !== undefined) throw new SyntaxError(URL_PATTERN_RULE);
  const lower = scheme?.toLowerCase();
  const usual = lower === undefined ? undefined : PORTS[lower];
  const number = port === undefined ? usual : port === "*" ? undefined : Number(port);
  return { scheme: lower, host: parseHost(number === undefined ? host : `${host}:${number}`), path };
}

function parseHost(text: string): HostPattern {
  try {
    return parseHostPattern(text);
  } catch {
    throw new SyntaxError(URL_PATTERN_RULE);
  }
}

/** Returns whether {@linkcode parseUrlPattern} accepts a text. */
export function isUrlPattern(text: string): boolean {
  try {
    parseUrlPattern(text);
    return true;
  } catch {
    return false;
  }
}

/** Returns the port of a URL with `http:` or `https:`. */
export function portOf(url: URL): number {
  return url.port === "" ? PORTS[url.protocol.slice(0, -1)] ?? 0 : Number(url.port);
}

/** Returns whether a pattern matches a URL. */
export function matchesUrl({ scheme, host, path }: UrlPattern, url: URL): boolean {
  if (scheme !== undefined && url.protocol !== `${scheme}:`) return false;
  if (!isHostAllowed([host], hostOf(url), portOf(url))) return false;
  return url.pathname === path || url.pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
}

/** Returns whether a pattern is one of loopback addresses, and does not only match them. */
export function namesLoopback({ host: { host } }: UrlPattern): boolean {
  const network = host.includes("/") ? parseNetwork(host) : undefined;
  return network === undefined ? isLoopback(host) : network.bits >= 8 && isLoopback(network.address.toString());
}

/** Returns whether a host pattern is an address, or a network that a permission flag of Deno can name. */
export function isNumeric({ host }: HostPattern): boolean {
  return parseAddress(host) !== undefined || /^[\d.]+\/\d+$/.test(host);
}
