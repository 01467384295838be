/**
 * The broker of requests that name none: the configured one, or the embedded one where none is configured.
 *
 * @module
 */
import { brokerProtocol } from "../services/mqtt/settings.ts";
import type { Config } from "../config/settings.ts";
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
  const { host } = config.mqtt;
  return host === undefined ? startEmbedded(config, log) : configured(host, config, platform);
}

async function startEmbedded(config: Config, log: Log): Promise<DefaultBroker> {
  // Loaded only here: a gateway with a broker of its own needs none of it.
  const { startEmbeddedBroker } = await import("../demo/embedded_broker.ts");
  const { host, port, openStream, close } = await startEmbeddedBroker(config.mqtt.port);
  const taken = port === config.mqtt.port ? "" : ` (port ${config.mqtt.port} is taken)`;
  log.info(
    "MQTT_BROKER_HOST is not set: an embedded broker runs on {host}:{port}{taken}, reachable from this machine only",
    { host, port, taken },
  );
  return { address: { host, port, clientIdPrefix: config.mqtt.clientId, open: openStream }, close };
}

async function configured(host: string, config: Config, platform: Platform): Promise<DefaultBroker> {
  const protocol = brokerProtocol(config.mqtt);
  const tls = protocol === "mqtts" || protocol === "wss"
    ? {
      ca: await readSettingFile("MQTT_CA_FILE", config.mqtt.caFile, platform),
      ...await readPair("MQTT", config.mqtt, platform),
    }
    : undefined;
  return {
    address: {
      host,
      port: config.mqtt.port,
      username: config.mqtt.username,
      password: config.mqtt.password,
      tls,
      webSocketPath: protocol === "ws" || protocol === "wss" ? config.mqtt.path ?? "/mqtt" : undefined,
      clientIdPrefix: config.mqtt.clientId,
    },
    close: () => Promise.resolve(),
  };
}
