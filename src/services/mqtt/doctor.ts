/**
 * Check of the default broker for the doctor: it answers and accepts the gateway.
 *
 * @module
 */
import type { Config } from "../../config/settings.ts";
import { type Check, failed, type Finding, ok, skipped } from "../../doctor/check.ts";
import { errorText } from "../../lib/errors.ts";
import { PROBE_TIMEOUT_SECONDS } from "../../lib/fetch_failure.ts";
import { BrokerError, BrokerForbiddenError } from "../../mqtt/broker.ts";
import { timeoutError } from "../../mqtt/errors.ts";
import { UNUSED_FILTER } from "../../mqtt/topics/rules.ts";
import { brokerProtocol } from "./settings.ts";

const LOGIN = "Fix MQTT_USERNAME and MQTT_PASSWORD, or the broker's list of users";
const ADDRESS = "Fix MQTT_BROKER_HOST";

/** The same protocol with TLS, or without it. */
const OTHER_TLS = { mqtt: "mqtts", mqtts: "mqtt", ws: "wss", wss: "ws" } as const;

/** The same protocol over a WebSocket, or without one. */
const OTHER_WEB_SOCKET = { mqtt: "ws", mqtts: "wss", ws: "mqtt", wss: "mqtts" } as const;

/** Remedies by the code at the end of a broker error. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Start the broker, or fix MQTT_BROKER_HOST and MQTT_BROKER_PORT",
  ENOTFOUND: ADDRESS,
  EAI_AGAIN: "Check that this machine has a name server, or set MQTT_BROKER_HOST to the broker's IP address",
  EHOSTUNREACH: ADDRESS,
  ENETUNREACH: ADDRESS,
  ETIMEDOUT: ADDRESS,
  4: LOGIN,
  5: LOGIN,
  134: LOGIN,
  135: LOGIN,
};

/** Check of the default broker. */
export const BROKER_CHECK: Check = {
  name: "broker",
  async run({ config, brokerAddress, connectBroker, now }, signal) {
    if (config.mqtt.host === undefined) {
      return ok("Embedded in the gateway, as MQTT_BROKER_HOST is not set");
    }
    const hostAndPort = `${config.mqtt.host}:${config.mqtt.port}`;
    let address;
    try {
      address = await brokerAddress();
    } catch (error) {
      return failed(errorText(error), "Fix it, then restart the gateway");
    }
    const timeout = timeoutError(address, "answer", PROBE_TIMEOUT_SECONDS * 1000);
    try {
      const connection = await connectBroker(address, { signal });
      const abort = () => void connection.close(timeout);
      signal.addEventListener("abort", abort, { once: true });
      try {
        const began = now();
        await connection.unsubscribe([UNUSED_FILTER]);
        const login = address.username === undefined ? "without a login" : `as "${address.username}"`;
        return ok(`${hostAndPort} accepts the gateway ${login}, round trip ${Math.round(now() - began)} ms`);
      } finally {
        signal.removeEventListener("abort", abort);
        await connection.close();
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      return reportError(signal.aborted ? timeout : error, config);
    }
  },
};

function reportError(error: BrokerError, config: Config): Finding {
  const { message } = error;
  const protocol = brokerProtocol(config.mqtt);
  const hasTls = protocol === "mqtts" || protocol === "wss";
  if (error instanceof BrokerForbiddenError) return failed(message, ADDRESS);
  if (message.endsWith("outside of what the sandbox allows")) return skipped(message, "Run it as: deno task doctor");
  const code = /\(code (\w+)\)$/.exec(message)?.[1] ?? "";
  const remedy = REMEDIES[code];
  if (remedy !== undefined) return failed(message, remedy);
  if (/received fatal alert: (Certificate|BadCertificate|UnknownCA|HandshakeFailure)/.test(message)) {
    return failed(
      message,
      "Set MQTT_CERT_FILE and MQTT_KEY_FILE to a client certificate that the broker accepts, and its key",
    );
  }
  if (/certificate|self-signed|altname|issuer/i.test(message)) {
    return failed(
      message,
      "Set MQTT_CA_FILE to the authority's certificate, and MQTT_BROKER_HOST to a name in the broker's; neither may have expired",
    );
  }
  if (/Unexpected server response/.test(message)) {
    return failed(message, "Set MQTT_PATH to the path of the broker's WebSocket, and MQTT_BROKER_PORT to its port");
  }
  const tls = config.mqtt.protocol === undefined ? `MQTT_TLS=${!hasTls}` : `MQTT_PROTOCOL=${OTHER_TLS[protocol]}`;
  const webSocket = protocol === "ws" || protocol === "wss" ? "no WebSocket" : "a WebSocket";
  return failed(
    message,
    `See the broker's log, and check whether it ${hasTls ? "has no" : "needs"} TLS: then ${tls}; or has ${webSocket} ` +
      `at that port: then MQTT_PROTOCOL=${OTHER_WEB_SOCKET[protocol]}`,
  );
}
