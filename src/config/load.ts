/**
 * Reads the settings from their sources: the environment, and the file `.env`.
 *
 * @module
 */
import { parse } from "@std/dotenv/parse";
import { basename, dirname, join, resolve } from "node:path";
import { type GatewayFolders, keyFolderFault } from "../keys/key_folder.ts";
import { errorName } from "../lib/errors.ts";
import type { Platform } from "../platform.ts";
import { findFormerNames, type FormerName, withCurrentNames } from "./former_names.ts";
import { ConfigError, parseSettings } from "./parse.ts";
import type { Variables } from "./rules.ts";
import { SERVICES } from "../services/registry.ts";
import {
  type Config,
  type ConfigurableService,
  SETTINGS,
  settingsOf,
  settingsTable,
  variableNames,
} from "./settings.ts";
import { findUnknownSettings, type UnknownSetting } from "./unknown_settings.ts";

/** The variables of both sources. */
export interface Sources {
  /** The process' environment, which overrides the file. */
  readonly environment: Variables;
  /** The file `.env` in the working directory; empty when there is none. */
  readonly file: Variables;
  /** Numbers of the lines of `.env` that set nothing. */
  readonly unreadLines: readonly number[];
}

/**
 * Reads variables by name: those of the settings by default.
 *
 * @throws {ConfigError} if `.env` cannot be read, or sets one of them twice
 */
export async function readSources(
  { env, files }: Pick<Platform, "env" | "files">,
  names: readonly string[] = variableNames(SETTINGS),
): Promise<Sources> {
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

/** Content of the file `.env`. */
export interface EnvFile {
  /** Its variables. */
  readonly variables: Variables;
  /** Numbers of the lines, from 1, that are neither empty, a comment nor `NAME=value`: they set nothing. */
  readonly unreadLines: readonly number[];
}

/** Beginning of a line that sets a variable, with its name. */
const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)(?:\s*=|:\s)/;

const EMPTY_OR_COMMENT = /^\s*(#|$)/;

/**
 * Parses the text of `.env` as `dotenv` does, and finds the lines that `dotenv` ignores silently.
 *
 * @param text the file's text, decoded as UTF-8
 * @param names variables that must not be set twice, where `dotenv` would silently take the last line
 * @throws {ConfigError} if one of these is set twice, or the text is not UTF-8
 */
export function parseEnvFile(text: string, names: readonly string[]): EnvFile {
  if (text.includes("\0")) {
    throw new ConfigError([".env is not text in UTF-8 (PowerShell and Notepad write UTF-16): save it as UTF-8"]);
  }
  const lines = text.split(/\r\n|\r|\n/);
  refuseDuplicates(lines, names);
  const variables = parse(text);
  return { variables, unreadLines: findUnreadLines(lines, Object.values(variables)) };
}

function refuseDuplicates(lines: readonly string[], names: readonly string[]): void {
  const found = Map.groupBy(lines.keys(), (index) => ASSIGNMENT.exec(lines[index] ?? "")?.[1]);
  const problems = names.flatMap((name) => {
    const numbers = found.get(name)?.map((index) => index + 1) ?? [];
    return numbers.length < 2
      ? []
      : [`${name} must be set once in .env, not in lines ${numbers.join(" and ")}: remove all but one`];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

function findUnreadLines(lines: readonly string[], values: readonly string[]): number[] {
  // A value between quotes may have several lines.
  const multiline = values.filter((value) => value.includes("\n")).join("\n");
  const isInValue = (line: string) => multiline !== "" && multiline.includes(line.replace(/["'`]\s*(#.*)?$/, ""));
  return [...lines.keys()].filter((index) => {
    const line = lines[index] ?? "";
    return !EMPTY_OR_COMMENT.test(line) && !ASSIGNMENT.test(line) && !isInValue(line);
  }).map((index) => index + 1);
}

/** Parts of the machine that the settings are read from. */
export type SettingsPlatform = Pick<Platform, "env" | "envNames" | "files">;

/** The configuration, its sources, and variables and lines that have no effect. */
export interface Settings extends Pick<ConfigError, "unknown" | "unreadLines"> {
  /** The valid configuration. */
  readonly config: Config;
  /** Its sources, with the names that settings have now. */
  readonly sources: Sources;
  /** Variables with former names of settings. */
  readonly formerNames: readonly FormerName[];
}

/**
 * Reads the configuration, and finds variables and lines without effect.
 *
 * @param services the services whose settings there are
 * @throws {ConfigError} with all problems, and with those variables and lines
 */
export async function readSettings(
  platform: SettingsPlatform,
  services: readonly ConfigurableService[] = SERVICES,
): Promise<Settings> {
  const { env, envNames } = platform;
  const table = settingsTable(services);
  const settings = settingsOf(table);
  const sources = await readSources(platform, variableNames(table));
  const environment = Object.fromEntries(envNames().map((name) => [name, env(name)]));
  const unknown: readonly UnknownSetting[] = findUnknownSettings(environment, sources.file, services);
  const { unreadLines } = sources;
  try {
    const config = parseSettings(table, [sources.environment, sources.file]);
    await checkKeyFolder(config.keys.secretKeyFile, platform);
    return {
      config,
      sources: {
        environment: withCurrentNames(settings, sources.environment),
        file: withCurrentNames(settings, sources.file),
        unreadLines,
      },
      unknown,
      unreadLines,
      formerNames: [
        ...findFormerNames(settings, sources.environment, "environment"),
        ...findFormerNames(settings, sources.file, ".env"),
      ],
    };
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(error.problems, unknown, unreadLines);
    throw error;
  }
}

/**
 * Reads the configuration.
 *
 * @param services the services whose settings there are
 * @throws {ConfigError} with all problems
 */
export async function readConfig(
  platform: SettingsPlatform,
  services: readonly ConfigurableService[] = SERVICES,
): Promise<Config> {
  return (await readSettings(platform, services)).config;
}

/** Folder of `main.ts`. */
const PROJECT = resolve(import.meta.dirname ?? ".", "../..");

/**
 * Checks the folder of the file of `SECRET_KEY_FILE`.
 *
 * @throws {ConfigError} if the gateway must not write to that folder
 */
export async function checkKeyFolder(path: string, { files }: Pick<Platform, "files">): Promise<void> {
  if (path.endsWith("/")) throw new ConfigError([`SECRET_KEY_FILE must be a file, not the folder "${path}"`]);
  const folder = resolve(dirname(path));
  const folders: GatewayFolders = { working: resolve("."), project: PROJECT };
  for (const candidate of new Set([folder, await realFolder(folder, files)])) {
    const fault = keyFolderFault(candidate, folders);
    if (fault === undefined) continue;
    const better = join("data", basename(path));
    throw new ConfigError([
      `SECRET_KEY_FILE must be in a folder of its own, as the gateway may write everything there: "${candidate}" ` +
      `${fault}. Move the file: mkdir -p data && mv ${path} ${better} && chmod 700 data. ` +
      `Then set SECRET_KEY_FILE=${better}`,
    ]);
  }
}

/** Follows links, as far as the folders exist and may be read. */
async function realFolder(folder: string, files: Platform["files"]): Promise<string> {
  try {
    return await files.realPath(folder);
  } catch (error) {
    const parent = dirname(folder);
    return errorName(error) === "NotFound" && parent !== folder
      ? join(await realFolder(parent, files), basename(folder))
      : folder;
  }
}
