/**
 * Reads the settings from where they are: the environment, and the file `.env`.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError, parseConfig } from "./parse.ts";
import type { Variables } from "./rules.ts";
import { type Config, SETTING_NAMES } from "./settings.ts";
import { type GatewayFolders, keyFolderFault } from "../keys/key_folder.ts";
import { describeUnknownSetting, findUnknownSettings, type UnknownSetting } from "./unknown_settings.ts";
import { parseEnvFile } from "./env_file.ts";
import { EXIT_CONFIG } from "../cli/exit_codes.ts";
import type { Platform } from "../platform.ts";

/** The variables and where they came from. */
export interface Sources {
  /** The process' environment, which wins. */
  readonly environment: Variables;
  /** The file `.env` in the working directory; empty when there is none. */
  readonly file: Variables;
  /** Numbers of the lines of `.env` that set nothing. */
  readonly unreadLines: readonly number[];
}

/**
 * Reads the variables of the settings, and further ones by name.
 *
 * @throws {ConfigError} if `.env` cannot be read, or sets one of them twice
 */
export async function readSources(
  { env, files }: Pick<Platform, "env" | "files">,
  further: readonly string[] = [],
): Promise<Sources> {
  const names = [...SETTING_NAMES, ...further];
  const environment = Object.fromEntries(names.map((name) => [name, env(name)]));
  try {
    const { variables, unreadLines } = parseEnvFile(await files.readTextFile(".env"), names);
    return { environment, file: variables, unreadLines };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const name = errorName(error);
    if (name === "NotFound") return { environment, file: {}, unreadLines: [] };
    throw new ConfigError([`.env cannot be read (${name}): make it a file that this user may read`]);
  }
}

/** What has no effect in the environment and in `.env`, and may be meant to have one. */
export type WithoutEffect = Pick<ConfigError, "unknown" | "unreadLines">;

/** Tells everything that is wrong with the configuration, and what to do when it is mended. Returns the exit code. */
export function reportConfigError(
  error: ConfigError,
  { printError, next }: Pick<Platform, "printError"> & { readonly next: string },
): number {
  printError(`The configuration is wrong. Mend this in the environment or in .env, then ${next}:`);
  for (const problem of [...error.problems, ...describeWithoutEffect(error)]) printError(`  ${problem}`);
  return EXIT_CONFIG;
}

/** Describes the variables that most likely are misspelt settings, and the lines that set nothing. */
export function describeWithoutEffect({ unknown, unreadLines }: WithoutEffect): string[] {
  return [...describeMisspelt(unknown), ...describeUnread(unreadLines)];
}

/** Describes those variables that most likely are misspelt settings. */
export function describeMisspelt(unknown: readonly UnknownSetting[]): string[] {
  return unknown.filter(({ suggestions }) => suggestions.length > 0).map(describeUnknownSetting);
}

/** Most lines to name: of a file that is something else, all of them set nothing. */
const MAX_NAMED_LINES = 5;

/** Describes the lines of `.env` that set nothing. They are not shown: there may be a password in one. */
export function describeUnread(lines: readonly number[]): string[] {
  if (lines.length === 0) return [];
  if (lines.length === 1) return [`Line ${lines[0]} of .env sets nothing, as it is not NAME=value`];
  const named = lines.slice(0, MAX_NAMED_LINES).join(", ");
  const others = lines.length > MAX_NAMED_LINES ? ` and ${lines.length - MAX_NAMED_LINES} more` : "";
  return [`Lines ${named}${others} of .env set nothing, as they are not NAME=value`];
}

/** The parts of the machine that reading the settings takes. */
export type SettingsPlatform = Pick<Platform, "env" | "envNames" | "files">;

/** The configuration, and where it comes from. */
export interface Settings extends WithoutEffect {
  /** The configuration, in which nothing is wrong. */
  readonly config: Config;
  /** Its source. */
  readonly sources: Sources;
}

/**
 * Reads the configuration and what may be meant to be in it.
 *
 * @throws {ConfigError} with all problems, and with what has no effect
 */
export async function readSettings(platform: SettingsPlatform): Promise<Settings> {
  const { env, envNames } = platform;
  const sources = await readSources(platform);
  const environment = Object.fromEntries(envNames().map((name) => [name, env(name)]));
  const unknown = findUnknownSettings(environment, sources.file);
  const { unreadLines } = sources;
  try {
    const config = await checkedConfig(parseConfig(sources.environment, sources.file), platform);
    return { config, sources, unknown, unreadLines };
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(error.problems, unknown, unreadLines);
    throw error;
  }
}

/**
 * Reads the configuration.
 *
 * @throws {ConfigError} with all problems
 */
export async function readConfig(platform: SettingsPlatform): Promise<Config> {
  return (await readSettings(platform)).config;
}

/** Folder of `main.ts`. */
const PROJECT = resolve(import.meta.dirname ?? ".", "../..");

/**
 * Checks what depends on the machine.
 *
 * @returns the configuration as it is
 * @throws {ConfigError} if the key file is in a folder that the gateway must not write to
 */
export async function checkedConfig(config: Config, { files }: Pick<Platform, "files">): Promise<Config> {
  const path = config.keys.secretKeyFile;
  if (path.endsWith("/")) throw new ConfigError([`SECRET_KEY_FILE must be a file, not the folder "${path}"`]);
  const folder = resolve(dirname(path));
  const folders: GatewayFolders = { working: resolve("."), project: PROJECT };
  for (const place of new Set([folder, await realFolder(folder, files)])) {
    const fault = keyFolderFault(place, folders);
    if (fault === undefined) continue;
    const better = join("data", basename(path));
    throw new ConfigError([
      `SECRET_KEY_FILE must be in a folder of its own, as the gateway may write everything there: "${place}" ${fault}. ` +
      `Move the file: mkdir -p data && mv ${path} ${better} && chmod 700 data. Then set SECRET_KEY_FILE=${better}`,
    ]);
  }
  return config;
}

/** Follows links, as far as the folders exist and may be read. */
async function realFolder(folder: string, files: Platform["files"]): Promise<string> {
  try {
    return await files.realPath(folder);
  } catch (error) {
    const parent = dirname(folder);
    const goesOn = error instanceof Error && error.name === "NotFound" && parent !== folder;
    return goesOn ? join(await realFolder(parent, files), basename(folder)) : folder;
  }
}
