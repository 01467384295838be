/**
 * MQTT: publishes messages to brokers, and subscribes to them.
 *
 * @module
 */
import { type Config, MQTT_PORT } from "../../config/settings.ts";
import { formatBrokerPattern } from "../../net/egress.ts";
import type { ServiceModule } from "../service.ts";
import { createBrokerDirectory } from "./broker_directory.ts";
import { MQTT_RIGHTS } from "./rights.ts";
import { createMqttService, MQTT } from "./service.ts";

/** The service. */
export const mqtt: ServiceModule = {
  name: MQTT,
  dependency: "broker",
  secrets: ["MQTT_PASSWORD"],
  rights: MQTT_RIGHTS,
  allowNet,
  create({ config, brokers, broker, encoder, maxEventBytes, telemetry, now }) {
    const directory = createBrokerDirectory({
      configured: broker,
      allowed: config.MQTT_ALLOWED_BROKERS,
      // Other brokers are reached by plain MQTT, whatever protocol the configured one has.
      defaultPort: config.MQTT_PROTOCOL === undefined ? config.MQTT_BROKER_PORT : MQTT_PORT,
    });
    const service = createMqttService({
      directory,
      brokers: {
        publish: (address, publication, options) =>
          telemetry.measure("acknowledgement", () => brokers.publish(address, publication, options)),
        listen: (address, subscriber) => brokers.listen(address, subscriber),
      },
      events: { encoder, maxEventBytes, telemetry, now },
    });
    return Promise.resolve({ service, check: () => brokers.check(broker) });
  },
};

function allowNet({ MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: port, MQTT_ALLOWED_BROKERS: allowed }: Config) {
  // Deno knows no "any host" and no network of IPv6: they need the network everywhere.
  if (allowed.some((pattern) => pattern.host === "*" || isIpv6Network(pattern.host))) return undefined;
  return [
    // The embedded broker takes another port when its own is taken, so no port is named.
    host === undefined ? "127.0.0.1" : formatBrokerPattern({ host, port }),
    ...allowed.map(formatBrokerPattern),
  ];
}

function isIpv6Network(host: string): boolean {
  return host.includes(":") && host.includes("/");
}
