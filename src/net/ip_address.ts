/**
 * IP addresses and networks.
 *
 * @module
 */
import ipaddr from "ipaddr.js";

/** Parsed address. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Parsed network, such as `10.0.0.0/8`. */
export interface Network {
  /** First address. */
  readonly address: Address;
  /** Length of the prefix, in bits. */
  readonly bits: number;
}

/**
 * Parses an address; an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is returned as IPv4.
 *
 * The legacy forms of IPv4 with fewer, octal or hexadecimal parts are not accepted: they count as names, which a resolver
 * turns into addresses.
 *
 * @returns the address, or undefined if the text is not one
 */
export function parseAddress(text: string): Address | undefined {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(":") && ipaddr.IPv6.isValid(text));
  return isAddress ? ipaddr.process(text) : undefined;
}

/**
 * Parses a network, or an address as a network of one.
 *
 * @returns the network, or undefined if the text is neither
 */
export function parseNetwork(text: string): Network | undefined {
  const address = parseAddress(text);
  if (address !== undefined) return { address, bits: address.kind() === "ipv4" ? 32 : 128 };
  const isNetwork = text.includes(":") ? ipaddr.IPv6.isValidCIDR(text) : ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
  if (!isNetwork) return undefined;
  const [first, bits] = ipaddr.parseCIDR(text);
  // IPv4-mapped addresses are compared as IPv4, so a network of them would never match.
  if (first.range() === "ipv4Mapped") return undefined;
  return { address: first, bits };
}

/** Returns whether a host, which is a name or an address without brackets, is a loopback address or `localhost`. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === "localhost" || parseAddress(host)?.range() === "loopback";
}

/** Returns whether an address lies in a network. */
export function isInNetwork(address: Address, network: Network): boolean {
  return address.kind() === network.address.kind() && address.match(network.address, network.bits);
}
