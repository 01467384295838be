/**
 * What the sandbox has to allow for a configuration, and nothing beyond it.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Config, SETTINGS } from "./settings.ts";
import { DENIED_BY_SANDBOX, formatBrokerPattern } from "../net/egress.ts";
import { hostOf } from "../net/host.ts";

/** Variables other than the settings read as absent: libraries look for dozens of them. */
const ENV_FLAGS: readonly string[] = [
  `--allow-env=${[...Object.keys(SETTINGS), "NOTIFY_SOCKET", "RUNTIME_DIRECTORY", "WATCHDOG_USEC"].join(",")}`,
  "--ignore-env",
];

/** The sockets to the service manager, by path; an abstract one has no name that a flag could hold. */
export interface NotifyPaths {
  /** The service manager's. */
  readonly manager: string;
  /** The gateway's own. */
  readonly own: string;
}

/**
 * Lists the flags for `deno run` under which the gateway can do what its configuration says.
 *
 * @param notify the sockets for telling the service manager; undefined when there is none to be told
 */
export function permissionFlags(config: Config, notify?: NotifyPaths): string[] {
  const sockets = notify === undefined ? [] : [notify.own, notify.manager].filter((path) => path.startsWith("/"));
  const read = [
    ".env",
    dirname(config.SECRET_KEY_FILE),
    config.KEYS_FILE,
    config.TLS_CERT_FILE,
    config.TLS_KEY_FILE,
    config.JEEDOM_CA_FILE,
    config.MQTT_CA_FILE,
    config.MQTT_CERT_FILE,
    config.MQTT_KEY_FILE,
    notify?.own,
  ].filter((path) => path !== undefined);
  return [
    "--no-prompt",
    `--allow-net${netTargets(config, sockets)}`,
    `--deny-net=${DENIED_BY_SANDBOX.join(",")}`,
    `--allow-read=${[...new Set(read)].join(",")}`,
    // The keys file may have to be closed to others; it is the command "keys" that writes it.
    `--allow-write=${[dirname(config.SECRET_KEY_FILE), config.KEYS_FILE, ...sockets].join(",")}`,
    ...ENV_FLAGS,
  ];
}

/** The least under which a wrong configuration can be read and its problems told. */
export const MINIMAL_FLAGS: readonly string[] = [
  "--no-prompt",
  "--allow-read=.env",
  ...ENV_FLAGS,
];

function netTargets(config: Config, sockets: readonly string[]): string {
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
    ...sockets.map((path) => `unix:${path}`),
  ].join(",");
}

function isIpv6Network(host: string): boolean {
  return host.includes(":") && host.includes("/");
}

function redisTarget(url: URL): string {
  return formatBrokerPattern({ host: hostOf(url), port: Number(url.port || 6379) });
}
