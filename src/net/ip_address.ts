/**
 * IP addresses and networks in their many spellings.
 *
 * @module
 */
import ipaddr from "ipaddr.js";

/** An address that was understood. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A network of addresses, such as `10.0.0.0/8`. */
export interface Network {
  /** Its first address. */
  readonly address: Address;
  /** How many leading bits its addresses share. */
  readonly bits: number;
}

/**
 * Reads an address; one of IPv4 in the clothes of IPv6 (`::ffff:192.0.2.1`) comes back as what it is.
 *
 * The old forms with fewer, octal or hexadecimal parts are none here: they are names until a resolver has turned them
 * into an address.
 *
 * @returns the address, or undefined if the text is none
 */
export function parseAddress(text: string): Address | undefined {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(":") && ipaddr.IPv6.isValid(text));
  return isAddress ? ipaddr.process(text) : undefined;
}

/**
 * Reads a network, or an address as a network of one.
 *
 * @returns the network, or undefined if the text is neither
 */
export function parseNetwork(text: string): Network | undefined {
  const address = parseAddress(text);
  if (address !== undefined) return { address, bits: address.kind() === "ipv4" ? 32 : 128 };
  const isNetwork = text.includes(":") ? ipaddr.IPv6.isValidCIDR(text) : ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
  if (!isNetwork) return undefined;
  const [first, bits] = ipaddr.parseCIDR(text);
  // Addresses of IPv4 in the clothes of IPv6 are compared as what they are, so no network of theirs would match.
  if (first.range() === "ipv4Mapped") return undefined;
  return { address: first, bits };
}

/** Tells whether a host, an address without brackets or a name, is this machine for itself alone. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === "localhost" || parseAddress(host)?.range() === "loopback";
}

/** Tells whether an address lies in a network. */
export function isInNetwork(address: Address, network: Network): boolean {
  return address.kind() === network.address.kind() && address.match(network.address, network.bits);
}
