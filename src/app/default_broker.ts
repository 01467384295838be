/**
 * Default broker: the configured one, or an embedded one if none is configured.
 *
 * @module
 */
import { brokerProtocol } from "../services/mqtt/settings.ts";
import type { Config } from "../config/settings.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import type { Log } from "../observability/log.ts";
import type { Platform } from "../platform.ts";
import { readPair, readSettingFile } from "../config/setting_files.ts";

/** Broker for requests that name none. */
export interface DefaultBroker {
  /** Its address and login. */
  readonly address: BrokerAddress;
  /** Stops it if it is embedded. */
  close(): Promise<void>;
}

/**
 * Returns the configured broker, or starts the embedded one and logs that.
 *
 * @throws {Error} if the file of a setting cannot be used, with the name of the setting
 */
export function openDefaultBroker(config: Config, platform: Platform, log: Log): Promise<DefaultBroker> {
  const { host } = config.mqtt;
  return host === undefined ? startEmbedded(config, log) : configuredBroker(host, config, platform);
}

async function startEmbedded(config: Config, log: Log): Promise<DefaultBroker> {
  // Loaded only when needed: most gateways have a broker already.
  const { startEmbeddedBroker } = await import("../demo/embedded_broker.ts");
  const { host, port, openStream, close } = await startEmbeddedBroker(config.mqtt.port);
  const taken = port === config.mqtt.port ? "" : ` (port ${config.mqtt.port} is taken)`;
  log.info(
    "MQTT_BROKER_HOST is not set: an embedded broker runs on {host}:{port}{taken}, reachable from this machine only",
    { host, port, taken },
  );
  return { address: { host, port, clientIdPrefix: config.mqtt.clientId, open: openStream }, close };
}

async function configuredBroker(host: string, config: Config, platform: Platform): Promise<DefaultBroker> {
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
