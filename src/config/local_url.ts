/**
 * Where the gateway is for programs on the same machine.
 *
 * @module
 */
import type { Config } from "./settings.ts";

/**
 * Tells the gateway's own address.
 *
 * @param port the port it listens on, where that is not the configured one
 */
export function localUrl(config: Pick<Config, "HOST" | "PORT" | "TLS_CERT_FILE">, port = config.PORT): string {
  const { HOST: host } = config;
  const everywhere = host === "0.0.0.0" || host === "::";
  const name = everywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `${config.TLS_CERT_FILE === undefined ? "http" : "https"}://${name}:${port}`;
}
