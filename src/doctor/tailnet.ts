/**
 * Names and addresses inside of Tailscale's networks.
 *
 * @module
 */

/** Tells a name that Tailscale gives. */
export function isTailnetName(host: string): boolean {
  return host.endsWith(".ts.net");
}

/** Tells an address that is reached through Tailscale alone: 100.64.0.0/10, and Tailscale's own part of IPv6. */
export function isTailnetAddress(address: string): boolean {
  const [, second] = /^100\.(\d{1,3})\./.exec(address) ?? [];
  if (second !== undefined) return Number(second) >= 64 && Number(second) < 128;
  return address.toLowerCase().startsWith("fd7a:115c:a1e0:");
}
