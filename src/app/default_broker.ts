/**
 * The broker of requests that name none: the configured one, or the embedded one where none is configured.
 *
 * @module
 */
import { brokerProtocol, type Config } from "../config/settings.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import { readPair, readSettingFile } from "../config/setting_files.ts";

/** A broker to use by default. */
export interface DefaultBroker {
  /** Where it is, and the login for it. */
  readonly address: BrokerAddress;
  /** Stops it, if it is the gateway's own. */
  close(): Promise<void>;
}

/**
 * Finds the configured broker, or starts the embedded one and says so in the log.
 *
 * @throws {Error} if a file that a setting names cannot be used, with the setting's name
 */
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
  return { address: { host, port, clientIdPrefix: config.MQTT_CLIENT_ID, open: openStream }, close };
}

async function configured(host: string, config: Config, platform: Platform): Promise<DefaultBroker> {
  const protocol = brokerProtocol(config);
  const tls = protocol === "mqtts" || protocol === "wss"
    ? { ca: await readSettingFile("MQTT_CA_FILE", config, platform), ...await readPair("MQTT", config, platform) }
    : undefined;
  return {
    address: {
      host,
      port: config.MQTT_BROKER_PORT,
      username: config.MQTT_USERNAME,
      password: config.MQTT_PASSWORD,
      tls,
      webSocketPath: protocol === "ws" || protocol === "wss" ? config.MQTT_PATH ?? "/mqtt" : undefined,
      clientIdPrefix: config.MQTT_CLIENT_ID,
    },
    close: () => Promise.resolve(),
  };
}
