/**
 * The broker of requests that name none: the configured one, or the embedded one where none is configured.
 *
 * @module
 */
import { brokerProtocol, type Config } from "../config.ts";
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

/**
 * Finds the configured broker, or starts the embedded one and says so in the log.
 *
 * @throws an error that names the setting whose file cannot be read
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

async function configured(host: string, config: Config, { files }: Platform): Promise<DefaultBroker> {
  const protocol = brokerProtocol(config);
  const read = async (name: "MQTT_CA_FILE" | "MQTT_CERT_FILE" | "MQTT_KEY_FILE") => {
    const path = config[name];
    if (path === undefined) return undefined;
    return await files.readTextFile(path).catch((cause) => {
      throw new Error(`${name} "${path}" cannot be read`, { cause });
    });
  };
  const tls = protocol === "mqtts" || protocol === "wss"
    ? { ca: await read("MQTT_CA_FILE"), cert: await read("MQTT_CERT_FILE"), key: await read("MQTT_KEY_FILE") }
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
