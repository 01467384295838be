/**
 * Whether the default broker answers, and lets the gateway in.
 *
 * @module
 */
import { errorText } from "../../lib/errors.ts";
import { brokerProtocol } from "../../services/mqtt/settings.ts";
import type { Config } from "../../config/settings.ts";
import { BrokerError, BrokerForbiddenError } from "../../mqtt/broker.ts";
import { timeoutError } from "../../mqtt/errors.ts";
import { UNUSED_FILTER } from "../../mqtt/topics/rules.ts";
import { type Check, DEADLINE_SECONDS } from "../check.ts";
import { failed, type Finding, ok, skipped } from "../finding.ts";

const LOGIN = "Mend MQTT_USERNAME and MQTT_PASSWORD, or the broker's list of users";
const ADDRESS = "Mend MQTT_BROKER_HOST";
const SEE_LOG = "Look into the broker's log";

/** The same protocol with TLS, or without. */
const OTHER_TLS = { mqtt: "mqtts", mqtts: "mqtt", ws: "wss", wss: "ws" } as const;

/** The same protocol in a WebSocket, or without one. */
const OTHER_WEB_SOCKET = { mqtt: "ws", mqtts: "wss", ws: "mqtt", wss: "mqtts" } as const;

/** What to do, by the code at the end of a broker's failure. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Start the broker, or mend MQTT_BROKER_HOST and MQTT_BROKER_PORT",
  ENOTFOUND: ADDRESS,
  EAI_AGAIN: "See whether this machine has a name server, or write the broker's address into MQTT_BROKER_HOST",
  EHOSTUNREACH: ADDRESS,
  ENETUNREACH: ADDRESS,
  ETIMEDOUT: ADDRESS,
  4: LOGIN,
  5: LOGIN,
  134: LOGIN,
  135: LOGIN,
};

/** The broker of requests that name none. */
export const BROKER: Check = {
  name: "broker",
  async run({ config, brokerAddress, connectBroker, now }, signal) {
    if (config.mqtt.host === undefined) {
      return ok("Embedded in the gateway, as MQTT_BROKER_HOST is not set");
    }
    const place = `${config.mqtt.host}:${config.mqtt.port}`;
    let address;
    try {
      address = await brokerAddress();
    } catch (error) {
      return failed(errorText(error), "Mend it, and start the gateway again");
    }
    const late = timeoutError(address, "answer", DEADLINE_SECONDS * 1000);
    try {
      const connection = await connectBroker(address, { signal });
      const hangUp = () => void connection.close(late);
      signal.addEventListener("abort", hangUp, { once: true });
      try {
        const began = now();
        await connection.unsubscribe([UNUSED_FILTER]);
        const as = address.username === undefined ? "without a login" : `as "${address.username}"`;
        return ok(`${place} lets the gateway in ${as}, round trip ${Math.round(now() - began)} ms`);
      } finally {
        signal.removeEventListener("abort", hangUp);
        await connection.close();
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      return explain(signal.aborted ? late : error, config);
    }
  },
};

function explain(error: BrokerError, config: Config): Finding {
  const { message } = error;
  const protocol = brokerProtocol(config.mqtt);
  const hasTls = protocol === "mqtts" || protocol === "wss";
  if (error instanceof BrokerForbiddenError) return failed(message, ADDRESS);
  if (message.endsWith("outside of what the sandbox allows")) return skipped(message, "Run it as: deno task doctor");
  const code = /\(code (\w+)\)$/.exec(message)?.[1] ?? "";
  const known = REMEDIES[code];
  if (known !== undefined) return failed(message, known);
  if (/received fatal alert: (Certificate|BadCertificate|UnknownCA|HandshakeFailure)/.test(message)) {
    return failed(
      message,
      "Set MQTT_CERT_FILE and MQTT_KEY_FILE to a certificate that the broker accepts of its clients, and its key",
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
    `${SEE_LOG}, and see whether it ${
      hasTls ? "has no" : "wants"
    } TLS: then ${tls}; or has ${webSocket} at that port: ` +
      `then MQTT_PROTOCOL=${OTHER_WEB_SOCKET[protocol]}`,
  );
}
