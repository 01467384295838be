/**
 * The broker of requests that name none: the configured one, or the embedded one where none is configured.
 *
 * @module
 */
import type { Config } from "../config.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "./platform.ts";

/** A broker to use by default. */
export interface DefaultBroker {
  /** Where it is, and the login for it. */
  readonly address: BrokerAddress;
  /** Stops it, if it is the gateway's own. */
  close(): Promise<void>;
}

/** Finds the configured broker, or starts the embedded one and says so in the log. */
export function openDefaultBroker(config: Config, platform: Platform, log: Log): Promise<DefaultBroker> {
  const { MQTT_BROKER_HOST: host } = config;
  return host === undefined ? startEmbedded(config, log) : configured(host, config, platform);
}

async function startEmbedded(config: Config, log: Log): Promise<DefaultBroker> {
  // Loaded only here: a gateway with a broker of its own needs none of it.
  const { startEmbeddedBroker } = await import("../demo/embedded_broker.ts");
  const { host, port, openStream, close } = await startEmbeddedBroker(config.MQTT_BROKER_PORT);
  const taken = port === config.MQTT_BROKER_PORT ? "" : ` (port ${config.MQTT_BROKER_PORT} is taken)`;
  log.info(
    "MQTT_BROKER_HOST is not set: an embedded broker runs on {host}:{port}{taken}, reachable from this machine only",
    { host, port, taken },
  );
  return { address: { host, port, open: openStream }, close };
}

async function configured(host: string, config: Config, { files }: Platform): Promise<DefaultBroker> {
  const ca = config.MQTT_CA_FILE === undefined ? undefined : await files.readTextFile(config.MQTT_CA_FILE);
  return {
    address: {
      host,
      port: config.MQTT_BROKER_PORT,
      username: config.MQTT_USERNAME,
      password: config.MQTT_PASSWORD,
      tls: config.MQTT_TLS ? { ca } : undefined,
    },
    close: () => Promise.resolve(),
  };
}
