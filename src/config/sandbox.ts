/**
 * Permission flags of Deno's sandbox for a configuration.
 *
 * @module
 */
import { dirname } from "node:path";
import { consoleFolderPaths } from "./console_folder.ts";
import { path } from "./rules.ts";
import { type Config, type SettingsTable, settingsTable, settingsWithValues, variableNames } from "./settings.ts";
import { editPaths } from "../lib/edit_file.ts";
import { DENIED_BY_SANDBOX, formatHostPattern, needsWholeNetwork } from "../net/egress.ts";
import { pushTargets } from "../push/endpoint.ts";
import { SERVICES } from "../services/registry.ts";
import type { Sections } from "../services/section.ts";
import type { ServiceModule } from "../services/service.ts";

/**
 * Returns the flags for the environment. Other variables read as absent: libraries look for dozens of them.
 *
 * @param variables those that the services file names
 */
function envFlags(table: SettingsTable, variables: readonly string[]): string[] {
  const all = new Set([...variableNames(table), "NOTIFY_SOCKET", "RUNTIME_DIRECTORY", "WATCHDOG_USEC", ...variables]);
  return [`--allow-env=${[...all].join(",")}`, "--ignore-env"];
}

/** Paths of the sockets for notifications to the service manager. */
export interface NotifyPaths {
  /** The service manager's. */
  readonly manager: string;
  /** The gateway's own. */
  readonly own: string;
}

/**
 * Returns the flags for `deno run` that allow what the configuration needs, and nothing else.
 *
 * @param notify the sockets for the service manager; undefined without one
 * @param options services that connect to others, their sections of the services file, and the variables that it names
 */
export function permissionFlags(
  config: Config,
  notify?: NotifyPaths,
  { services = SERVICES, sections = {}, variables = [] }: {
    readonly services?: readonly ServiceModule[];
    readonly sections?: Sections;
    readonly variables?: readonly string[];
  } = {},
): string[] {
  const table = settingsTable(services);
  // A flag cannot name an abstract socket.
  const sockets = notify === undefined ? [] : [notify.own, notify.manager].filter((socket) => socket.startsWith("/"));
  const { keysFile } = config.keys;
  const keyFolder = dirname(config.keys.secretKeyFile);
  // Elsewhere only the files that an edit needs: other programs may have theirs in that folder.
  const edits = dirname(keysFile) === keyFolder ? [] : Object.values(editPaths(keysFile));
  const read = [
    ".env",
    keyFolder,
    ...settingsWithValues(config, table).filter(({ setting }) => setting.rule === path).map(({ value }) => value),
    ...services.flatMap((service) => service.allowRead?.(config, sections) ?? []).filter(isFlagValue),
    ...edits,
    // Names of folders above may have spaces.
    config.server.console === "on" ? consoleFolderPaths().find(isFlagValue) : undefined,
    notify?.own,
  ].filter((file) => file !== undefined && file !== config.keys.secretKeyFile);
  // Its mode may have to change; the command "actions" and an editor write its content.
  const tightened = config.keys.fileMode === "strict" ? [config.services.file] : [];
  return [
    "--no-prompt",
    `--allow-net${netTargets({ config, sockets, services, sections })}`,
    `--deny-net=${DENIED_BY_SANDBOX.join(",")}`,
    `--allow-read=${[...new Set(read)].join(",")}`,
    // Keys are removed by their devices, too.
    `--allow-write=${[keyFolder, keysFile, ...edits, ...tightened, ...sockets].join(",")}`,
    ...envFlags(table, variables),
  ];
}

/**
 * Returns the flags under which an invalid configuration can be read and reported. All files may be read, as the settings
 * that name them may be invalid; nothing may be written or sent.
 *
 * @param variables those that the services file names, as far as it can be read
 */
export function minimalFlags(services: readonly ServiceModule[], variables: readonly string[] = []): string[] {
  return ["--no-prompt", "--allow-read", ...envFlags(settingsTable(services), variables)];
}

/** Returns whether a value from the services file can be part of a flag: nothing in it may become a further one. */
function isFlagValue(value: string): boolean {
  return /^[^\s,]+$/.test(value);
}

function netTargets({ config, sockets, services, sections }: {
  readonly config: Config;
  readonly sockets: readonly string[];
  readonly services: readonly ServiceModule[];
  readonly sections: Sections;
}): string {
  const { delivery, allowedHosts } = config.push;
  const push = delivery === "on" ? pushTargets(allowedHosts) : [];
  const targets = [...services.map((service) => service.allowNet(config, sections)), push, redisTargets(config)];
  if (targets.includes(undefined)) return "";
  return "=" + [
    formatHostPattern(config.server),
    ...config.metrics.port === "off"
      ? []
      : [formatHostPattern({ host: config.metrics.host, port: config.metrics.port })],
    ...targets.flatMap((some) => some ?? []).filter(isFlagValue),
    ...sockets.map((socket) => `unix:${socket}`),
  ].join(",");
}

function redisTargets({ redis: { url, nodes } }: Config): readonly string[] | undefined {
  const hosts = url?.reachable(nodes) ?? [];
  return needsWholeNetwork(hosts) ? undefined : hosts.map(formatHostPattern);
}
