/**
 * What the sandbox has to allow for a configuration, and nothing beyond it.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Config, SETTINGS } from "./config.ts";
import { DENIED_BY_SANDBOX, formatBrokerPattern, hostOf } from "./security/egress.ts";

/** Variables other than the settings read as absent: libraries look for dozens of them. */
const ENV_FLAGS: readonly string[] = [`--allow-env=${Object.keys(SETTINGS).join(",")}`, "--ignore-env"];

/**
 * Lists the flags for `deno run` under which the gateway can do what its configuration says.
 */
export function permissionFlags(config: Config): string[] {
  const read = [
    ".env",
    dirname(config.SECRET_KEY_FILE),
    config.KEYS_FILE,
    config.TLS_CERT_FILE,
    config.TLS_KEY_FILE,
    config.MQTT_CA_FILE,
  ].filter((path) => path !== undefined);
  return [
    "--no-prompt",
    `--allow-net${netTargets(config)}`,
    `--deny-net=${DENIED_BY_SANDBOX.join(",")}`,
    `--allow-read=${[...new Set(read)].join(",")}`,
    // The keys file may have to be closed to others; it is the command "keys" that writes it.
    `--allow-write=${dirname(config.SECRET_KEY_FILE)},${config.KEYS_FILE}`,
    ...ENV_FLAGS,
  ];
}

/** The least under which a wrong configuration can be read and its problems told. */
export const MINIMAL_FLAGS: readonly string[] = [
  "--no-prompt",
  "--allow-read=.env",
  ...ENV_FLAGS,
];

function netTargets(config: Config): string {
  const patterns = config.MQTT_ALLOWED_BROKERS;
  // Deno knows no "any host" and no network of IPv6: they need the network everywhere.
  if (patterns.some(({ host }) => host === "*" || isIpv6Network(host))) return "";
  const { JEEDOM_URL: jeedom } = config;
  const defaultPort = jeedom.protocol === "https:" ? "443" : "80";
  return "=" + [
    formatBrokerPattern({ host: config.HOST, port: config.PORT }),
    ...config.METRICS_PORT === "off"
      ? []
      : [formatBrokerPattern({ host: config.METRICS_HOST, port: config.METRICS_PORT })],
    `${jeedom.hostname}:${jeedom.port || defaultPort}`,
    // The embedded broker takes another port when its own is taken, so no port is named.
    config.MQTT_BROKER_HOST === undefined
      ? "127.0.0.1"
      : formatBrokerPattern({ host: config.MQTT_BROKER_HOST, port: config.MQTT_BROKER_PORT }),
    ...config.REPLAY_REDIS_URL === undefined ? [] : [redisTarget(config.REPLAY_REDIS_URL)],
    ...patterns.map(formatBrokerPattern),
  ].join(",");
}

function isIpv6Network(host: string): boolean {
  return host.includes(":") && host.includes("/");
}

function redisTarget(url: URL): string {
  return formatBrokerPattern({ host: hostOf(url), port: Number(url.port || 6379) });
}
