/**
 * Reads the settings from where they are: the environment, and the file `.env`.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { parse } from "@std/dotenv/parse";
import { type Config, ConfigError, parseConfig, SETTINGS, type Variables } from "../config.ts";
import { type GatewayFolders, keyFolderFault } from "../security/key_folder.ts";
import { describeUnknownSetting, findUnknownSettings, type UnknownSetting } from "../unknown_settings.ts";
import { EXIT_CONFIG } from "./exit_codes.ts";
import type { Platform } from "./platform.ts";

/** The variables and where they came from. */
export interface Sources {
  /** The process' environment, which wins. */
  readonly environment: Variables;
  /** The file `.env` in the working directory; empty when there is none. */
  readonly file: Variables;
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
  const names = [...Object.keys(SETTINGS), ...further];
  const environment = Object.fromEntries(names.map((name) => [name, env(name)]));
  try {
    const text = await files.readTextFile(".env");
    refuseDuplicates(text, names);
    return { environment, file: parse(text) };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const name = error instanceof Error ? error.name : "unknown";
    if (name === "NotFound") return { environment, file: {} };
    throw new ConfigError([`.env cannot be read (${name}): make it a file that this user may read`]);
  }
}

/** Tells everything that is wrong with the configuration, and what to do when it is mended. Returns the exit code. */
export function tellConfigError(
  { problems, unknown }: ConfigError,
  { printError, next }: Pick<Platform, "printError"> & { readonly next: string },
): number {
  printError(`The configuration is wrong. Mend this in the environment or in .env, then ${next}:`);
  for (const problem of [...problems, ...describeLikely(unknown)]) printError(`  ${problem}`);
  return EXIT_CONFIG;
}

/** Describes those variables that most likely are misspelt settings. */
export function describeLikely(unknown: readonly UnknownSetting[]): string[] {
  return unknown.filter(({ suggestions }) => suggestions.length > 0).map(describeUnknownSetting);
}

/** Of two lines for one setting the last would win in silence. */
function refuseDuplicates(text: string, names: readonly string[]): void {
  const lines = new Map<string, number[]>();
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const [, name] = /^\s*(?:export\s+)?([\w.-]+)(?:\s*=|:\s)/.exec(line) ?? [];
    if (name === undefined || !names.includes(name)) continue;
    lines.set(name, [...lines.get(name) ?? [], index + 1]);
  }
  const problems = [...lines].filter(([, numbers]) => numbers.length > 1).map(([name, numbers]) =>
    `${name} must be set once in .env, not in lines ${numbers.join(" and ")}: remove all but one`
  );
  if (problems.length > 0) throw new ConfigError(problems);
}

/** The parts of the machine that reading the settings takes. */
export type SettingsPlatform = Pick<Platform, "env" | "envNames" | "files">;

/** The configuration, and where it comes from. */
export interface Settings {
  /** The configuration, in which nothing is wrong. */
  readonly config: Config;
  /** Its source. */
  readonly sources: Sources;
  /** Variables that are no settings, most likely misspelt. */
  readonly unknown: readonly UnknownSetting[];
}

/**
 * Reads the configuration and what may be meant to be in it.
 *
 * @throws {ConfigError} with all problems, and with the variables that are no settings
 */
export async function readSettings(platform: SettingsPlatform): Promise<Settings> {
  const { env, envNames } = platform;
  const sources = await readSources(platform);
  const environment = Object.fromEntries(envNames().map((name) => [name, env(name)]));
  const unknown = findUnknownSettings(environment, sources.file);
  try {
    const config = await checkedConfig(parseConfig(sources.environment, sources.file), platform);
    return { config, sources, unknown };
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(error.problems, unknown);
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
  const path = config.SECRET_KEY_FILE;
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
