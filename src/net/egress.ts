/**
 * Where the gateway may connect to on a client's behalf.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { type Address, isInNetwork, parseAddress, parseNetwork } from "./ip_address.ts";

/** One allowed broker: a host, or a pattern of hosts, and perhaps one port. */
export interface BrokerPattern {
  /** `*` for any host, `*.domain` for any below a domain, a network such as `10.0.0.0/8`, or one name or address. */
  readonly host: string;
  /** The only port, or undefined for any. */
  readonly port: number | undefined;
}

const PATTERN =
  /^(?:\[([0-9a-f:.]+(?:\/\d{1,3})?)\]|([\d.]+\/\d{1,2})|(\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?))(?::(\d{1,5}))?$/i;

/** What a list of patterns has to be, in words that follow its name. */
export const PATTERN_RULE = "must be a list of host, host:port, *.domain, 10.0.0.0/8, [fd00::/8] or *";

/**
 * Reads one entry of `MQTT_ALLOWED_BROKERS`: `host`, `host:port`, `*.domain`, `*.domain:port`, `[ipv6]:port`,
 * `10.0.0.0/8`, `10.0.0.0/8:port`, `[fd00::/8]:port`, `*` or `*:port`.
 *
 * @throws {SyntaxError} if it is none of these
 */
export function parseBrokerPattern(text: string): BrokerPattern {
  const match = PATTERN.exec(text);
  const port = match?.[4] === undefined ? undefined : Number(match[4]);
  const host = match?.[1] ?? match?.[2] ?? match?.[3] ?? "";
  const isNetwork = host.includes("/");
  if (match === null || port === 0 || (port ?? 0) > 65_535 || (isNetwork && parseNetwork(host) === undefined)) {
    throw new SyntaxError(PATTERN_RULE);
  }
  return { host: isNetwork ? host.toLowerCase() : canonicalHost(host), port };
}

/** Tells whether a text is an entry that {@linkcode parseBrokerPattern} reads. */
export function isBrokerPattern(text: string): boolean {
  try {
    parseBrokerPattern(text);
    return true;
  } catch {
    return false;
  }
}

/** Writes a pattern as an entry, which is also how Deno's permission flags name it. */
export function formatBrokerPattern({ host, port }: BrokerPattern): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/** Tells whether any of the patterns allows a broker. A network allows addresses, and no name that leads to one. */
export function isBrokerAllowed(patterns: readonly BrokerPattern[], host: string, port: number): boolean {
  const name = canonicalHost(host);
  return patterns.some((pattern) =>
    (pattern.port === undefined || pattern.port === port) &&
    (pattern.host === "*" || pattern.host === name || isBelowDomain(name, pattern.host) ||
      isWithin(name, pattern.host))
  );
}

/** A name or an address, as Deno's permission flags take them too: no port, no brackets, no zone. */
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*|(?=.*:.*:)[0-9A-Fa-f:.]{2,45})$/;

/** Tells whether a text can be a host, and nothing else. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** The name or address in a URL, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** One spelling for each host: lower case, and for an address the shortest form. */
export function canonicalHost(host: string): string {
  return parseAddress(host)?.toString() ?? host.toLowerCase();
}

/**
 * Says why nobody may be sent to an address, whatever is allowed: cloud providers hand out credentials on link-local
 * and some other addresses to whoever asks, and groups and "this host" are no brokers.
 *
 * @param address an IPv4 or IPv6 address
 * @returns the reason, in words that follow the address, or undefined when there is none
 */
export function addressFault(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return "is not an address";
  for (const one of [parsed, ...embedded(parsed)]) {
    if (METADATA.includes(one.toString())) return "is a cloud metadata address";
    const name = FORBIDDEN_RANGES.get(one.range());
    if (name !== undefined) return `is ${name}`;
  }
  return undefined;
}

/** The same for a host: a name has no fault before it is resolved. */
export function hostFault(host: string): string | undefined {
  return parseAddress(host) === undefined ? undefined : addressFault(host);
}

const FORBIDDEN_RANGES: ReadonlyMap<string, string> = new Map([
  ["linkLocal", "a link-local address"],
  ["unspecified", "no address to connect to"],
  ["broadcast", "a broadcast address"],
  ["multicast", "a multicast address"],
  ["teredo", "a tunnel's address"],
]);

/** Where cloud providers answer besides link-local addresses: Alibaba, Azure, Oracle, AWS and Google over IPv6. */
const METADATA: readonly string[] = [
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd20:ce::254",
];

/**
 * The same as far as Deno's sandbox can be told: it takes no networks of IPv6. It holds this against the address that a
 * name leads to, so it is a second wall, and the only one for connections whose names are resolved out of sight.
 */
export const DENIED_BY_SANDBOX: readonly string[] = [
  "169.254.0.0/16",
  "224.0.0.0/4",
  ...METADATA.map((address) => address.includes(":") ? `[${address}]` : address),
];

/** IPv4 addresses that an IPv6 address leads to through a translator (RFC 6052, RFC 3056). */
function embedded(address: Address): Address[] {
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
