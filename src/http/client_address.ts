/**
 * Addresses that requests are counted for.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { LruCache } from "../lib/lru_cache.ts";
import { AddressGroups, type CountedAddress, IPV4_LEVELS, IPV6_LEVELS } from "../limits/address_groups.ts";
import { type Address, isInNetwork, type Network, parseAddress, parseNetwork } from "../net/ip_address.ts";

/**
 * Reads an entry of `TRUSTED_PROXIES`: an address or a network.
 *
 * @throws {SyntaxError} if it is neither
 */
export function parseProxy(text: string): Network {
  const network = parseNetwork(text);
  if (network !== undefined) return network;
  throw new SyntaxError("must be a list of addresses and networks such as 127.0.0.1, 172.16.0.0/12 or fd00::/8");
}

/** Returns the address to count a request for, from its peer's address and its `X-Forwarded-For`. */
export type AddressOf = (peer: string, forwardedFor: string | null) => string;

/**
 * Returns the function that finds the address to count a request for: the peer, unless that is a trusted proxy. Each proxy
 * appends an address at the right, so the list is read from there up to the first address that is not trusted; a client
 * can fake what is further left.
 *
 * IPv6 is counted by /64, the smallest network of a household, in which a client can use any address. Further addresses
 * of a network that uses very many are counted together: see {@linkcode AddressGroups}.
 *
 * @param monotonic clock that never jumps, in milliseconds
 */
export function createAddressOf(
  trusted: readonly Network[],
  { monotonic = () => performance.now() }: { readonly monotonic?: () => number } = {},
): AddressOf {
  const isTrusted = (address: Address) => trusted.some((network) => isInNetwork(address, network));
  // Parsing an address takes half as long as a decryption.
  const parsed = new LruCache<string, CountedAddress>(MAX_KNOWN);
  const groups = new AddressGroups(monotonic);

  function find(peer: string, forwardedFor: string | null): CountedAddress {
    let address = parse(peer);
    if (address === undefined) return { id: peer, levels: [], network: () => peer };
    const hops = forwardedFor?.split(",") ?? [];
    while (isTrusted(address)) {
      const before = parse(hops.pop()?.trim() ?? "");
      // Without a valid address the request is counted for the proxy itself.
      if (before === undefined) break;
      address = before;
    }
    return countedAddress(address);
  }

  return (peer, forwardedFor) => {
    const id = `${peer} ${forwardedFor ?? ""}`;
    let counted = parsed.get(id);
    if (counted === undefined) {
      counted = find(peer, forwardedFor);
      if (id.length <= MAX_KNOWN_LENGTH) parsed.set(id, counted);
    }
    return groups.find(counted);
  };
}

/** Most parsed addresses to cache: more than a household has clients. */
const MAX_KNOWN = 1000;

/** Longest text to cache, in characters: one or two proxies. */
const MAX_KNOWN_LENGTH = 200;

/** Address with a port, as some proxies append it. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/;

function parse(text: string): Address | undefined {
  const match = WITH_PORT.exec(text);
  return parseAddress(match?.[1] ?? match?.[2] ?? text);
}

function countedAddress(address: Address): CountedAddress {
  const isIPv4 = address instanceof ipaddr.IPv4;
  return {
    id: isIPv4 ? address.toString() : networkText(address, 64),
    levels: isIPv4 ? IPV4_LEVELS : IPV6_LEVELS,
    network: (bits) => networkText(address, bits),
  };
}

/** Returns the network of an address; `bits` is a multiple of 8. */
function networkText(address: Address, bits: number): string {
  const bytes = address.toByteArray().map((byte, index) => index < bits / 8 ? byte : 0);
  const base = address instanceof ipaddr.IPv4 ? new ipaddr.IPv4(bytes) : new ipaddr.IPv6(bytes);
  return `${base.toString()}/${bits}`;
}
