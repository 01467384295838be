/**
 * Which address a request is counted for.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
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

/** Tells the address to count a request for, from its connection's other end and its `X-Forwarded-For`. */
export type AddressOf = (peer: string, forwardedFor: string | null) => string;

/**
 * Makes the function that finds the address to count a request for: the connection's other end, unless that is a
 * proxy that is trusted to say whom it speaks for. Each proxy appends at the right, so reading goes from there and
 * ends at the first that is not trusted; what is further left could be anybody's invention.
 *
 * IPv6 is counted by /64, the least that a household gets: its holder can use any address in it. Where one network sends
 * from very many addresses, the further ones are counted together: see {@linkcode AddressGroups}.
 *
 * @param monotonic a clock that never jumps, in milliseconds
 */
export function createAddressOf(
  trusted: readonly Network[],
  { monotonic = () => performance.now() }: { readonly monotonic?: () => number } = {},
): AddressOf {
  const isTrusted = (address: Address) => trusted.some((network) => isInNetwork(address, network));
  // The same few come again and again, and reading an address takes as long as half of a decryption.
  const known = new Map<string, CountedAddress>();
  const groups = new AddressGroups(monotonic);

  function find(peer: string, forwardedFor: string | null): CountedAddress {
    let address = parse(peer);
    if (address === undefined) return { id: peer, levels: [], network: () => peer };
    const hops = forwardedFor?.split(",") ?? [];
    while (isTrusted(address)) {
      const before = parse(hops.pop()?.trim() ?? "");
      // Nobody further, or nothing to be understood: the proxy itself has to answer for it.
      if (before === undefined) break;
      address = before;
    }
    return senderAt(address);
  }

  return (peer, forwardedFor) => {
    const id = `${peer} ${forwardedFor ?? ""}`;
    let sender = known.get(id);
    if (sender === undefined) {
      sender = find(peer, forwardedFor);
      if (known.size >= MAX_KNOWN) known.clear();
      if (id.length <= MAX_KNOWN_LENGTH) known.set(id, sender);
    }
    return groups.find(sender);
  };
}

/** How many to remember: more than a household has phones, and nothing that a flood could fill memory with. */
const MAX_KNOWN = 1000;

/** The longest text to remember one by, in characters: a proxy or two. */
const MAX_KNOWN_LENGTH = 200;

/** Some proxies append the port. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/;

function parse(text: string): Address | undefined {
  const match = WITH_PORT.exec(text);
  return parseAddress(match?.[1] ?? match?.[2] ?? text);
}

function senderAt(address: Address): CountedAddress {
  const isIPv4 = address instanceof ipaddr.IPv4;
  return {
    id: isIPv4 ? address.toString() : networkText(address, 64),
    levels: isIPv4 ? IPV4_LEVELS : IPV6_LEVELS,
    network: (bits) => networkText(address, bits),
  };
}

/** Returns the network around an address; `bits` is a multiple of 8. */
function networkText(address: Address, bits: number): string {
  const bytes = address.toByteArray().map((byte, index) => index < bits / 8 ? byte : 0);
  const base = address instanceof ipaddr.IPv4 ? new ipaddr.IPv4(bytes) : new ipaddr.IPv6(bytes);
  return `${base.toString()}/${bits}`;
}
