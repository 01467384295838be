/**
 * Parses and checks the settings.
 *
 * @module
 */
import { formerNameConflicts, withCurrentNames } from "./former_names.ts";
import type { Setting, Variables } from "./rules.ts";
import { type Config, SETTINGS, settingsOf, type SettingsTable } from "./settings.ts";
import type { UnknownSetting } from "./unknown_settings.ts";

/** Invalid settings: all problems at once, each beginning with the name of the setting, or of the services file. */
export class ConfigError extends Error {
  /**
   * Makes the error.
   *
   * @param problems at least one
   * @param unknown variables that are no settings, which may be the cause
   * @param unreadLines numbers of the lines of `.env` that set nothing, which may be the cause
   * @param variables names of the variables that the services file names
   */
  constructor(
    readonly problems: readonly string[],
    readonly unknown: readonly UnknownSetting[] = [],
    readonly unreadLines: readonly number[] = [],
    readonly variables: readonly string[] = [],
  ) {
    super(problems.join("\n"));
    this.name = "ConfigError";
  }
}

/** Error for a services file whose content is invalid. */
export class InvalidServicesFileError extends ConfigError {}

/**
 * Parses the settings of the gateway. An empty value counts as absent, as `NAME=` in an `.env` file means.
 *
 * @param sources the variables; earlier sources override later ones
 * @throws {ConfigError} with all problems
 */
export function parseConfig(...sources: readonly Variables[]): Config {
  return parseSettings(SETTINGS, sources);
}

/**
 * Parses the settings of a table that has at least those of the gateway.
 *
 * @param sources the variables; earlier sources override later ones
 * @throws {ConfigError} with all problems
 */
export function parseSettings(table: SettingsTable, sources: readonly Variables[]): Config {
  const { values, invalid, mismatches } = parseGroups(table, sources);
  if (invalid.length > 0) throw new ConfigError([...invalid, ...mismatches]);
  // The values have the types of the rules in the table.
  const config = values as Config;
  const problems = [...mismatches, ...contradictions(config)];
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Parsed settings of a table, with their problems. */
interface ParsedGroups {
  /** The values by group and field; undefined for an absent or invalid one. */
  readonly values: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Problems of single values. */
  readonly invalid: readonly string[];
  /** Problems between settings that are set. */
  readonly mismatches: readonly string[];
}

/** Parses the settings of a table, each group on its own. */
function parseGroups(table: SettingsTable, sources: readonly Variables[]): ParsedGroups {
  const all = settingsOf(table);
  const given = givenValues(all, sources.map((source) => withCurrentNames(all, source)));
  const invalid: string[] = [];
  const groups = Object.entries(table).map(([group, { settings, defaults }]) => {
    const values = { ...defaults?.(given), ...given };
    const fields = Object.entries(settings).map(([field, setting]) => {
      const text = values[setting.name] ?? setting.default;
      if (text === undefined) return [field, undefined];
      const { data, error } = setting.rule.safeParse(text);
      for (const { message } of error?.issues ?? []) {
        invalid.push(`${nameIn(setting, sources)} ${describeFault(setting, message, text)}`);
      }
      return [field, data];
    });
    return [group, Object.fromEntries(fields)];
  });
  const mismatches = [
    ...Object.values(table).flatMap((group) => group.mismatches?.(given) ?? []),
    ...formerNameConflicts(all, sources),
  ];
  return { values: Object.fromEntries(groups), invalid, mismatches };
}

/** Returns the values that are set, each of the first source that has one. */
function givenValues(settings: readonly Setting[], sources: readonly Variables[]): Record<string, string> {
  return Object.fromEntries(settings.flatMap(({ name }) => {
    const value = sources.map((source) => source[name]).find((text) => text !== undefined && text !== "");
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Returns the name of a setting, and its former one if that is the one that has been set. */
function nameIn({ name, formerName }: Setting, sources: readonly Variables[]): string {
  return formerName === undefined || sources.some((source) => source[name]) ? name : `${name} (${formerName})`;
}

/** Describes an invalid value. It is left out where it may be a secret: a URL may have a password before `@` or a key behind `?`. */
function describeFault({ secret = false }: Setting, message: string, text: string): string {
  return `${message}${secret || /[@?#]/.test(text) ? "" : `, not "${text}"`}`;
}

/** Returns the problems between valid values. */
function contradictions({ rates, shutdown, metrics, server, keys, services, redis }: Config): string[] {
  const rules: readonly [boolean, string][] = [
    [rates.addressBurst < rates.addressRate, "ADDRESS_BURST must be at least ADDRESS_RATE"],
    [rates.failedBurst < rates.failedRate, "FAILED_BURST must be at least FAILED_RATE"],
    [rates.keyBurst < rates.keyRate, "KEY_BURST must be at least KEY_RATE"],
    [shutdown.drainMs > shutdown.timeoutMs, "DRAIN_MS must be at most SHUTDOWN_TIMEOUT_MS, which includes it"],
    [metrics.port === server.port && server.port !== 0, "METRICS_PORT must be another port than PORT, or off"],
    [keys.keysFile === keys.secretKeyFile, "KEYS_FILE must be another file than SECRET_KEY_FILE"],
    [
      keys.redis === "on" && redis.url === undefined,
      "KEYS_REDIS=on needs REDIS_URL: set it to the Redis of all replicas, or set KEYS_REDIS=off",
    ],
    [
      keys.redis === "on" && keys.masterKeyFile === undefined,
      "KEYS_REDIS=on needs KEYS_MASTER_KEY_FILE: set it to a path such as data/master_key.txt, and copy that file from " +
      "another replica, or make the first one with deno task keys master-key",
    ],
    [
      keys.redis === "off" && keys.masterKeyFile !== undefined,
      "KEYS_MASTER_KEY_FILE has no effect without KEYS_REDIS=on",
    ],
    [
      keys.masterKeyFile !== undefined &&
      [keys.keysFile, keys.secretKeyFile, services.file].includes(keys.masterKeyFile),
      "KEYS_MASTER_KEY_FILE must be another file than SECRET_KEY_FILE, KEYS_FILE and SERVICES_FILE",
    ],
    [
      services.file === keys.keysFile || services.file === keys.secretKeyFile,
      "SERVICES_FILE must be another file than SECRET_KEY_FILE and KEYS_FILE",
    ],
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, problem]) => problem);
}
