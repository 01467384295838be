/**
 * Hosts and URLs of servers, and web origins.
 *
 * @module
 */
import { isLoopback, parseAddress } from "./ip_address.ts";

/** Name or address, without port, brackets and zone, in the syntax of Deno's permission flags. */
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*|(?=.*:.*:)[0-9A-Fa-f:.]{2,45})$/;

/** Highest TCP port. */
export const MAX_PORT = 65_535;

/** Returns whether a text is a host, and nothing else. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** Returns the host of a URL, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Returns a host with brackets if it is an IPv6 address, as in URLs. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Address of a server. */
export interface ServerAddress {
  /** Host that it listens on. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** File with its certificate; undefined for plain HTTP. */
  readonly tlsCertFile: string | undefined;
}

/** Returns whether a server listens on all addresses of its machine. */
export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/**
 * Returns the URL of a server for programs on the same machine.
 *
 * @param port the port that it listens on, if not the configured one
 */
export function localUrl({ host, tlsCertFile, port: configured }: ServerAddress, port: number = configured): string {
  const name = isUnspecified(host) ? "127.0.0.1" : formatHost(host);
  return `${tlsCertFile === undefined ? "http" : "https"}://${name}:${port}`;
}

/** Returns the canonical spelling of a host: lower case, and the shortest form of an address. */
export function canonicalHost(host: string): string {
  return parseAddress(host)?.toString() ?? host.toLowerCase();
}

/** Rule for origins, as part of an error message. */
const ORIGIN_RULE = "must be exact origins such as https://app.example, without login, path, query and wildcards; " +
  "http:// only for localhost, as browsers have no WebCrypto on other pages over http";

/**
 * Parses a web origin (RFC 6454): the scheme, host and port of a site, in any spelling of a URL.
 *
 * @param text such as `https://app.example` or `http://localhost:5173`
 * @returns the origin as browsers write it into the header `Origin`: lower case, without the default port
 * @throws {TypeError} if it is not an origin, or one of plain HTTP on another machine
 */
export function parseOrigin(text: string): string {
  const url = URL.parse(text);
  const isOrigin = url !== null && url.href === `${url.origin}/` && isHost(hostOf(url));
  if (isOrigin && (url.protocol === "https:" || url.protocol === "http:" && isLoopback(hostOf(url)))) return url.origin;
  throw new TypeError(ORIGIN_RULE);
}

/**
 * Returns a remedy for a name that is not found because it belongs to multicast DNS (RFC 6762).
 *
 * @param host name that was looked up
 * @returns text to append to a sentence; empty for any other name
 */
export function mdnsHint(host: string): string {
  const isLocal = /\.local\.?$/i.test(host);
  return isLocal ? `. ${host} needs mDNS, which containers and this resolver lack: use the IP address` : "";
}
