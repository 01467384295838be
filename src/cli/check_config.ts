/**
 * The command `check-config`: prints the effective configuration, or all of its problems.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { ConfigError, parseSettings } from "../config/parse.ts";
import type { Setting } from "../config/rules.ts";
import { SETTINGS, type SettingsTable, settingsTable, settingsWithValues } from "../config/settings.ts";
import { formatHostPattern, type HostPattern } from "../net/egress.ts";
import type { Network } from "../net/ip_address.ts";
import { sourceText } from "../config/unknown_settings.ts";
import { type CommandLine, readOptions } from "./args.ts";
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { readRedisTls } from "../config/redis_options.ts";
import { readPair } from "../config/setting_files.ts";
import { type Configuration, readConfiguration } from "../config/configuration.ts";
import type { Settings } from "../config/load.ts";
import { describeFormerName } from "../config/former_names.ts";
import { describeWithoutEffect } from "../config/without_effect.ts";
import { reportConfigError } from "./config_errors.ts";

/** Command line of `check-config`. */
export const CHECK_CONFIG_LINE = {
  synopsis: "deno task check-config",
  summary: "Show the settings that differ from their defaults, or everything that is wrong with them",
  options: {
    all: { type: "boolean", default: false, description: "Show all settings, also those with their defaults" },
  },
} as const satisfies CommandLine;

/**
 * Prints a line for each setting that differs from its default, with its source; secrets are masked. A variable without
 * effect, such as a misspelt setting, is a warning, which does not change the exit code.
 */
export async function checkConfig(
  platform: Platform,
  services: readonly ServiceModule[] = SERVICES,
): Promise<number> {
  const { args, print, printError } = platform;
  try {
    const { all } = readOptions(args, CHECK_CONFIG_LINE);
    const settings = await readConfiguration(platform, services);
    printSettings(settings, { all, print, table: settingsTable(services) });
    printServicesFile(settings, platform);
    printWarnings(settings, printError);
    await checkFiles(settings, platform, services);
    print("The configuration is valid.");
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) return reportConfigError(error, { printError, next: "restart" });
    throw error;
  }
}

function printSettings(
  { config, sources: { environment, file } }: Settings,
  { all, print, table }: { readonly all: boolean; readonly table: SettingsTable } & Pick<Platform, "print">,
): void {
  const defaults = new Map(
    settingsWithValues(parseSettings(table, []), table).map(({ setting, value }) => [setting, value]),
  );
  let hidden = 0;
  for (const { setting, value: current } of settingsWithValues(config, table)) {
    const { name } = setting;
    const source = environment[name] ? "environment" : file[name] ? ".env" : undefined;
    const [value, standard] = [show(setting, current), show(setting, defaults.get(setting))];
    if (source !== undefined) print(`${name}=${value}  # ${source}${noteOn(value, standard)}`);
    // A setting may change the default of another one.
    else if (all || value !== standard) print(`${name}=${value}  # default`);
    else hidden++;
  }
  if (hidden > 0) print(`${hidden} settings have their defaults; --all shows them.`);
}

/**
 * Checks the files that settings and the services file name, as a start does.
 *
 * @throws {ConfigError} with all problems
 */
async function checkFiles(
  { config, servicesFile: { sections } }: Configuration,
  platform: Platform,
  services: readonly ServiceModule[],
): Promise<void> {
  const results = await Promise.allSettled([
    readPair("TLS", { certFile: config.server.tlsCertFile, keyFile: config.server.tlsKeyFile }, platform),
    readRedisTls(config.redis, platform),
    ...services.flatMap((service) => service.checkFiles?.(config, platform, sections) ?? []),
  ]);
  const problems = results.filter((result) => result.status === "rejected").map(({ reason }) => errorText(reason));
  if (problems.length > 0) throw new ConfigError(problems);
}

/** Prints the sections of the services file with the number of their entries, and warns where a setting names no file. */
function printServicesFile(
  { config, servicesFile: { sections, exists }, sources: { environment, file } }: Configuration,
  { print, printError }: Pick<Platform, "print" | "printError">,
): void {
  const { file: path } = config.services;
  const { name } = SETTINGS.services.settings.file;
  const entries = Object.entries(sections).map(([section, content]) => `${section} (${countEntries(content)})`);
  if (exists) print(`${path}: ${entries.join(", ") || "no sections"}`);
  else if (environment[name] || file[name]) printError(`Warning: ${name}: there is no file "${path}"`);
}

function countEntries(content: unknown): number {
  return typeof content === "object" && content !== null ? Object.keys(content).length : 1;
}

function noteOn(value: string, standard: string): string {
  if (standard === "") return "";
  return value === standard ? ", the default" : `, default ${standard}`;
}

function printWarnings(settings: Settings, printError: Platform["printError"]): void {
  settings.formerNames.forEach((former) => printError(`Warning: ${describeFormerName(former)}`));
  describeWithoutEffect(settings).forEach((line) => printError(`Warning: ${line}`));
  for (const { name, source } of settings.unknown.filter(({ suggestions }) => suggestions.length === 0)) {
    printError(`Warning: ${name} in ${sourceText(source)} has no effect on the gateway, which has no such setting`);
  }
}

function show({ secret }: Setting, value: unknown): string {
  if (value === undefined) return "";
  if (secret) return "********";
  return Array.isArray(value) ? value.map(showEntry).join(",") : String(value);
}

function showEntry(entry: HostPattern | Network | string): string {
  if (typeof entry === "string") return entry;
  return "bits" in entry ? `${entry.address}/${entry.bits}` : formatHostPattern(entry);
}
