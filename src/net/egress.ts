/**
 * Egress rules: the hosts and addresses that the gateway connects to for its clients.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { canonicalHost, formatHost, MAX_PORT } from "./host.ts";
import { type Address, isInNetwork, parseAddress, parseNetwork } from "./ip_address.ts";

/** Allowed hosts: one or a pattern of them, and optionally a port. */
export interface HostPattern {
  /** `*` for any host, `*.domain` for its subdomains, a network such as `10.0.0.0/8`, or one name or address. */
  readonly host: string;
  /** Port; undefined for any. */
  readonly port: number | undefined;
}

const PATTERN =
  /^(?:\[([0-9a-f:.]+(?:\/\d{1,3})?)\]|([\d.]+\/\d{1,2})|(\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?))(?::(\d{1,5}))?$/i;

/** Rule for a list of patterns, as text that follows the name of the setting. */
export const PATTERN_RULE = "must be a list of host, host:port, *.domain, 10.0.0.0/8, [fd00::/8] or *";

/**
 * Parses one pattern: `host`, `host:port`, `*.domain`, `*.domain:port`, `[ipv6]:port`,
 * `10.0.0.0/8`, `10.0.0.0/8:port`, `[fd00::/8]:port`, `*` or `*:port`.
 *
 * @throws {SyntaxError} if it is none of these
 */
export function parseHostPattern(text: string): HostPattern {
  const match = PATTERN.exec(text);
  const port = match?.[4] === undefined ? undefined : Number(match[4]);
  const host = match?.[1] ?? match?.[2] ?? match?.[3] ?? "";
  const isNetwork = host.includes("/");
  if (match === null || port === 0 || (port ?? 0) > MAX_PORT || (isNetwork && parseNetwork(host) === undefined)) {
    throw new SyntaxError(PATTERN_RULE);
  }
  return { host: isNetwork ? host.toLowerCase() : canonicalHost(host), port };
}

/** Returns whether {@linkcode parseHostPattern} accepts a text. */
export function isHostPattern(text: string): boolean {
  try {
    parseHostPattern(text);
    return true;
  } catch {
    return false;
  }
}

/** Formats a pattern as an entry, which is also the syntax of Deno's permission flags. */
export function formatHostPattern({ host, port }: HostPattern): string {
  return port === undefined ? formatHost(host) : `${formatHost(host)}:${port}`;
}

/**
 * Returns whether Deno's sandbox has to allow the whole network for one of the patterns: it has no permission for any host,
 * nor for a network of IPv6.
 */
export function needsWholeNetwork(patterns: readonly HostPattern[]): boolean {
  return patterns.some(({ host }) => host === "*" || host.includes(":") && host.includes("/"));
}

/** Returns whether a pattern allows a host and a port. A network allows addresses, but no names that resolve to them. */
export function isHostAllowed(patterns: readonly HostPattern[], host: string, port: number): boolean {
  const name = canonicalHost(host);
  return patterns.some((pattern) =>
    (pattern.port === undefined || pattern.port === port) &&
    (pattern.host === "*" || pattern.host === name || isBelowDomain(name, pattern.host) ||
      isWithin(name, pattern.host))
  );
}

/**
 * Returns the reason why the gateway never connects to an address, whatever is allowed: cloud providers serve credentials on
 * link-local and some other addresses without a login, and multicast and unspecified addresses are no servers.
 *
 * @param address an IPv4 or IPv6 address
 * @returns text that follows the address, or undefined if the address is allowed
 */
export function addressFault(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return "is not an address";
  for (const one of [parsed, ...embeddedAddresses(parsed)]) {
    if (METADATA.includes(one.toString())) return "is a cloud metadata address";
    const name = FORBIDDEN_RANGES.get(one.range());
    if (name !== undefined) return `is ${name}`;
  }
  return undefined;
}

/** Returns the same for a host; names are checked only after they are resolved. */
export function hostFault(host: string): string | undefined {
  return parseAddress(host) === undefined ? undefined : addressFault(host);
}

/** Returns whether an address belongs to the public network, or is translated to one that does (RFC 6052). */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  const [translated = parsed] = parsed === undefined ? [] : embeddedAddresses(parsed);
  return translated?.range() === "unicast";
}

const FORBIDDEN_RANGES: ReadonlyMap<string, string> = new Map([
  ["linkLocal", "a link-local address"],
  ["unspecified", "no address to connect to"],
  ["broadcast", "a broadcast address"],
  ["multicast", "a multicast address"],
  ["teredo", "a tunnel's address"],
]);

/** Cloud metadata addresses that are not link-local: Alibaba, Azure, Oracle, AWS and Google over IPv6. */
const METADATA: readonly string[] = [
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd20:ce::254",
];

/**
 * The same addresses for Deno's `--deny-net`, which has no IPv6 networks. Deno checks the resolved address, so this is a
 * second line of defense, and the only one for connections whose names are resolved outside of our code.
 */
export const DENIED_BY_SANDBOX: readonly string[] = [
  "169.254.0.0/16",
  "224.0.0.0/4",
  ...METADATA.map(formatHost),
];

/** Returns the IPv4 addresses that an IPv6 address is translated to (RFC 6052, RFC 3056). */
function embeddedAddresses(address: Address): Address[] {
  const bytes = address.toByteArray();
  switch (address.range()) {
    case "rfc6052":
    case "rfc6145":
      return [ipaddr.fromByteArray(bytes.slice(12))];
    case "6to4":
      return [ipaddr.fromByteArray(bytes.slice(2, 6))];
    default:
      return [];
  }
}

function isBelowDomain(name: string, pattern: string): boolean {
  return pattern.startsWith("*.") && name.endsWith(pattern.slice(1));
}

function isWithin(name: string, pattern: string): boolean {
  const network = pattern.includes("/") ? parseNetwork(pattern) : undefined;
  const address = network === undefined ? undefined : parseAddress(name);
  return network !== undefined && address !== undefined && isInNetwork(address, network);
}
