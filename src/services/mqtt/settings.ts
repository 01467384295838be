/**
 * Settings of MQTT.
 *
 * @module
 */
import {
  choice,
  flag,
  type GroupConfig,
  list,
  matching,
  mustBeTogether,
  path,
  port,
  type ServiceSettings,
  setting,
  targetHost,
  text,
  type Variables,
  wholeNumber,
} from "../../config/rules.ts";
import { type HostPattern, parseHostPattern } from "../../net/egress.ts";

/** The port of plain MQTT, as IANA has it. */
export const MQTT_PORT = 1883;

/** The ports of brokers by protocol, where MQTT_PROTOCOL is set and MQTT_BROKER_PORT is not. */
const PORTS: Readonly<Record<string, number>> = { mqtt: MQTT_PORT, mqtts: 8883, ws: 80, wss: 443 };

/** Settings of MQTT. */
export const MQTT_SETTINGS = {
  name: "mqtt",
  title: "MQTT",
  settings: {
    host: setting("MQTT_BROKER_HOST", {
      essential: true,
      rule: targetHost,
      doc:
        "Host name or address of your broker. Without it, an embedded broker runs in the gateway: for this machine " +
        "only, without logins, and without storage.",
      notes: "Names that end in .local need mDNS, which containers lack.",
    }),
    port: setting("MQTT_BROKER_PORT", {
      essential: true,
      rule: port(1),
      default: MQTT_PORT,
      doc:
        "Port of your broker. With MQTT_PROTOCOL, the default is 1883 for mqtt, 8883 for mqtts, 80 for ws and 443 for " +
        "wss; without it, this is also the port of a broker that a request names without one.",
      notes: "The embedded broker takes another port when this one is taken. With MQTT_TLS=true it is mostly 8883.",
    }),
    protocol: setting("MQTT_PROTOCOL", {
      rule: choice("mqtt", "mqtts", "ws", "wss"),
      doc:
        "Protocol of your broker: mqtt, mqtts (TLS), ws (WebSocket) or wss (WebSocket in TLS). Without it, MQTT_TLS " +
        "decides between the first two. Needs MQTT_BROKER_HOST.",
    }),
    path: setting("MQTT_PATH", {
      rule: matching(/^\/[\w.\-~/]{0,255}$/, "must be a path such as /mqtt"),
      doc: "Path of the broker's WebSocket, for ws and wss; /mqtt when it is not set.",
    }),
    username: setting("MQTT_USERNAME", {
      essential: true,
      rule: text,
      doc: "User name for your broker. It is sent to this broker only, and a request's own login replaces it. Needs " +
        "MQTT_BROKER_HOST.",
    }),
    password: setting("MQTT_PASSWORD", {
      essential: true,
      rule: text,
      secret: true,
      doc: "Password for your broker. Needs MQTT_USERNAME.",
    }),
    tls: setting("MQTT_TLS", {
      rule: flag,
      default: "false",
      doc:
        "true: use TLS to your broker, as MQTT_PROTOCOL=mqtts does, at port 1883 unless MQTT_BROKER_PORT is set. Needs " +
        "MQTT_BROKER_HOST. Brokers that requests name are reached by plain MQTT.",
    }),
    caFile: setting("MQTT_CA_FILE", {
      rule: path,
      doc: "PEM file with the certificate of the private authority that signed your broker's certificate. Needs TLS.",
      notes: "TLS is used with MQTT_PROTOCOL=mqtts or wss, or with MQTT_TLS=true.",
    }),
    certFile: setting("MQTT_CERT_FILE", {
      rule: path,
      doc: "PEM file with the gateway's own certificate, for a broker that asks its clients for one. Needs TLS and " +
        "MQTT_KEY_FILE.",
      notes: "A new certificate needs a restart.",
    }),
    keyFile: setting("MQTT_KEY_FILE", {
      rule: path,
      doc: "PEM file with the private key of that certificate, without a passphrase.",
    }),
    clientId: setting("MQTT_CLIENT_ID", {
      rule: matching(/^[\w.:\-]{1,64}$/, "must be 1 to 64 letters, digits, dots, colons, dashes and underscores"),
      default: "e2e-gateway",
      reason:
        "20 characters with the random end: brokers of MQTT 3.1.1 need not accept more than 23 (section 3.1.3.1).",
      doc:
        "Beginning of the gateway's client identifiers: 1 to 64 letters, digits, dots, colons, dashes and underscores. " +
        "A dash and eight random characters follow.",
      notes:
        "Change it where the broker accepts some identifiers only. With more than 14 characters, very old brokers " +
        "may refuse it.",
    }),
    allowedBrokers: setting("MQTT_ALLOWED_BROKERS", {
      rule: list<HostPattern>(parseHostPattern),
      default: "",
      doc:
        "Further brokers that requests may name, separated by commas or spaces. A key needs the right to the broker as " +
        "well. Link-local addresses, those of cloud metadata and multicast are always refused.",
      notes: "  host   host:port   *.domain   *.domain:port   192.168.1.91:1883   [fd00::1]:1883   *   *:port\n" +
        "  10.0.0.0/8   10.0.0.0/8:1883   [fd00::/8]   [fd00::/8]:1883\n" +
        "An entry without a port allows all ports. A network allows addresses, and no name that leads to one. With * or " +
        "a network of IPv6, requests reach any host, and Deno's sandbox allows the whole network: use them only if your " +
        "clients really name brokers that you cannot list.",
    }),
    timeoutMs: setting("MQTT_TIMEOUT_MS", {
      rule: wholeNumber(1, 600_000),
      default: 10_000,
      reason: "As long as a person waits.",
      doc: "Longest wait for a broker, connection and acknowledgement together, in milliseconds.",
    }),
    idleSeconds: setting("MQTT_IDLE_SECONDS", {
      rule: wholeNumber(1, 86_400),
      default: 60,
      reason: "Long enough to serve a burst of taps with one connection, short enough to keep few connections.",
      doc: "Time after which an unused connection to a broker is closed, in seconds.",
      notes: "Lower it where the broker limits its clients.",
    }),
    keepaliveSeconds: setting("MQTT_KEEPALIVE_SECONDS", {
      rule: wholeNumber(1, 65_535),
      default: 20,
      reason: "Detects a dead broker after 30 s; with MQTT.js' default of 60 s it would take 90 s.",
      doc:
        "Interval of pings on an idle connection to a broker, in seconds. A dead broker is detected after about one and " +
        "a half times as long.",
      notes: "Raise it only to save traffic.",
    }),
    maxConnections: setting("MQTT_MAX_CONNECTIONS", {
      rule: wholeNumber(1, 10_000),
      default: 64,
      reason: "Two for each broker and login are normal; more are those of a client that invents logins.",
      doc:
        "Maximum number of connections to brokers at a time. Each broker with each login has one for all publishes and one for " +
        "all subscriptions; each stream of a shared subscription ($share) has its own.",
      notes:
        "A key may keep a quarter of them busy, and an eighth of them with shared subscriptions. A key on whose message " +
        "or subscription a broker closed the connection has its own connections for a while. The first two of your own " +
        "broker do not count.",
    }),
  },
  defaults({ MQTT_PROTOCOL: protocol = "" }): Variables {
    const usual = PORTS[protocol];
    return usual === undefined ? {} : { MQTT_BROKER_PORT: String(usual) };
  },
  mismatches,
} as const satisfies ServiceSettings;

/** Values of the settings of MQTT. */
export type MqttConfig = GroupConfig<typeof MQTT_SETTINGS>;

function mismatches(given: Variables): string[] {
  const problems: string[] = [];
  const { MQTT_PROTOCOL: protocol, MQTT_TLS: tls } = given;
  const hasTls = protocol === "mqtts" || protocol === "wss";
  if (protocol !== undefined && tls !== undefined && tls !== String(hasTls)) {
    problems.push(`MQTT_TLS=${tls} contradicts MQTT_PROTOCOL=${protocol}: leave MQTT_TLS out`);
  }
  if (!hasTls && tls !== "true") {
    for (const name of ["MQTT_CA_FILE", "MQTT_CERT_FILE"]) {
      if (given[name] === undefined) continue;
      problems.push(`${name} has no effect without TLS: set MQTT_PROTOCOL to mqtts or wss`);
    }
  }
  if (given["MQTT_PATH"] !== undefined && protocol !== "ws" && protocol !== "wss") {
    problems.push("MQTT_PATH has no effect without a WebSocket: set MQTT_PROTOCOL to ws or wss");
  }
  problems.push(
    ...mustBeTogether(given, "MQTT_PASSWORD", "MQTT_USERNAME"),
    ...mustBeTogether(given, "MQTT_CERT_FILE", "MQTT_KEY_FILE"),
    ...mustBeTogether(given, "MQTT_KEY_FILE", "MQTT_CERT_FILE"),
  );
  if (given["MQTT_BROKER_HOST"] !== undefined) return problems;
  if (protocol !== undefined && protocol !== "mqtt") {
    problems.push("MQTT_PROTOCOL has no effect without MQTT_BROKER_HOST: the embedded broker speaks plain MQTT");
  }
  for (const name of ["MQTT_USERNAME", "MQTT_TLS"]) {
    if (given[name] === undefined || given[name] === "false") continue;
    problems.push(`${name} has no effect without MQTT_BROKER_HOST: the embedded broker has no logins and no TLS`);
  }
  return problems;
}

/** Returns the protocol of the configured broker. */
export function brokerProtocol(
  { protocol, tls }: Pick<MqttConfig, "protocol" | "tls">,
): "mqtt" | "mqtts" | "ws" | "wss" {
  return protocol ?? (tls ? "mqtts" : "mqtt");
}
