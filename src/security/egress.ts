/**
 * Where the gateway may connect to on a client's behalf.
 *
 * @module
 */

/** One allowed broker: a host, or a pattern of hosts, and perhaps one port. */
export interface BrokerPattern {
  /** `*` for any host, `*.domain` for any below a domain, otherwise one exact host name or address. */
  readonly host: string;
  /** The only port, or undefined for any. */
  readonly port: number | undefined;
}

/**
 * Reads one entry of `MQTT_ALLOWED_BROKERS`: `host`, `host:port`, `*.domain`, `*.domain:port`, `[ipv6]:port`,
 * `*` or `*:port`.
 *
 * @throws {SyntaxError} if it is none of these
 */
export function parseBrokerPattern(text: string): BrokerPattern {
  const match = /^(?:\[([0-9a-f:.]+)\]|(\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?))(?::(\d{1,5}))?$/i.exec(text);
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (match === null || port === 0 || (port ?? 0) > 65_535) {
    throw new SyntaxError(`must be a list of host, host:port, *.domain or *`);
  }
  return { host: (match[1] ?? match[2] ?? "").toLowerCase(), port };
}

/** Tells whether any of the patterns allows a broker. */
export function isBrokerAllowed(patterns: readonly BrokerPattern[], host: string, port: number): boolean {
  const name = host.toLowerCase();
  return patterns.some((pattern) =>
    (pattern.port === undefined || pattern.port === port) &&
    (pattern.host === "*" || pattern.host === name ||
      (pattern.host.startsWith("*.") && name.endsWith(pattern.host.slice(1))))
  );
}
