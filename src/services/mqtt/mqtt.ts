/**
 * MQTT: publishes messages to brokers, and subscribes to them.
 *
 * @module
 */
import type { Config } from "../../config/settings.ts";
import { readPair, readSettingFile } from "../../config/setting_files.ts";
import { formatHostPattern, needsWholeNetwork } from "../../net/egress.ts";
import type { ServiceModule } from "../service.ts";
import { createMqttAlertSource } from "./alert_source.ts";
import { createBrokerDirectory } from "./broker_directory.ts";
import { MAX_RETAINED_BYTES } from "./retained.ts";
import { MQTT_RIGHTS } from "./rights.ts";
import { MQTT_PORT, MQTT_SETTINGS } from "./settings.ts";
import { createMqttService, MQTT } from "./service.ts";

/** The service. */
export const mqtt: ServiceModule<typeof MQTT_SETTINGS> = {
  name: MQTT,
  dependency: "broker",
  settings: MQTT_SETTINGS,
  rights: MQTT_RIGHTS,
  doctor: async () => {
    const { BROKER_CHECK } = await import("./doctor.ts");
    return [BROKER_CHECK];
  },
  allowNet,
  // Its answers say that a message was published, or hold a short one.
  maxAnswerBytes: () => MAX_RETAINED_BYTES,
  checkFiles: ({ mqtt }, platform) => [
    readSettingFile("MQTT_CA_FILE", mqtt.caFile, platform),
    readPair("MQTT", mqtt, platform),
  ],
  async create(dependencies) {
    const { config, broker, encoder, maxEventBytes, telemetry, now, deadlines } = dependencies;
    // Loaded only here: MQTT.js reads the environment as it loads, and the commands that use no broker may not.
    const { createBrokerPool } = await import("./broker_pool.ts");
    const brokers = createBrokerPool(dependencies);
    const directory = createBrokerDirectory({
      configured: broker,
      allowed: config.mqtt.allowedBrokers,
      // Other brokers are reached by plain MQTT, whatever protocol the configured one has.
      defaultPort: config.mqtt.protocol === undefined ? config.mqtt.port : MQTT_PORT,
    });
    const service = createMqttService({
      directory,
      brokers: {
        publish: (address, publication, options) =>
          telemetry.measure("acknowledgement", () => brokers.publish(address, publication, options)),
        listen: (address, subscriber) => brokers.listen(address, subscriber),
      },
      events: { encoder, maxEventBytes, telemetry, now },
      deadlines,
    });
    const alertSource = createMqttAlertSource({ brokers, broker });
    return { service: { ...service, alertSource }, check: () => brokers.check(broker), close: () => brokers.close() };
  },
};

function allowNet({ mqtt: { host, port, allowedBrokers } }: Config): string[] | undefined {
  if (needsWholeNetwork(allowedBrokers)) return undefined;
  return [
    // The embedded broker takes another port when its own is taken, so no port is named.
    host === undefined ? "127.0.0.1" : formatHostPattern({ host, port }),
    ...allowedBrokers.map(formatHostPattern),
  ];
}
