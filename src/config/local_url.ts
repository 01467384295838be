/**
 * Address of the gateway for programs on the same machine.
 *
 * @module
 */
import type { Config } from "./settings.ts";

/** Settings that the address follows from. */
export type ServerAddress = Pick<Config["server"], "host" | "port" | "tlsCertFile">;

/**
 * Returns the gateway's address for programs on the same machine.
 *
 * @param port the port that it listens on, if not the configured one
 */
export function localUrl({ host, tlsCertFile, port: configured }: ServerAddress, port = configured): string {
  const everywhere = host === "0.0.0.0" || host === "::";
  const name = everywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `${tlsCertFile === undefined ? "http" : "https"}://${name}:${port}`;
}
