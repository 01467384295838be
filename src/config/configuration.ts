/**
 * Reads the whole configuration: the settings, and the services file that one of them names.
 *
 * @module
 */
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { FIRST_GROUPS } from "./gateway_settings.ts";
import { readSettings, readSources, type Settings, type SettingsPlatform } from "./load.ts";
import { ConfigError } from "./parse.ts";
import {
  type LoadedServicesFile,
  NO_SERVICES_FILE,
  readServicesFile,
  type ReadServicesFileOptions,
} from "./services_file_reader.ts";
import type { UnknownSetting } from "./unknown_settings.ts";

/** The settings and the services file. */
export interface Configuration extends Settings {
  /** The services file. */
  readonly servicesFile: LoadedServicesFile;
}

/**
 * Reads the settings and the services file, and changes neither.
 *
 * @param services the services whose settings and sections there are
 * @throws {ConfigError} with the problems of both
 */
export async function readConfiguration(
  platform: SettingsPlatform,
  services: readonly ServiceModule[] = SERVICES,
): Promise<Configuration> {
  const settings = await caught(readSettings(platform, services));
  const config = settings instanceof ConfigError ? undefined : settings.config;
  const file = await caught(readNamedServicesFile(platform, { services, config }));
  const unknown = withoutVariables(settings.unknown, file.variables);
  if (settings instanceof ConfigError || file instanceof ConfigError) {
    const errors = [settings, file].filter((one) => one instanceof ConfigError);
    throw new ConfigError(
      // Both read .env.
      [...new Set(errors.flatMap(({ problems }) => problems))],
      unknown,
      settings.unreadLines,
      file.variables,
    );
  }
  return { ...settings, servicesFile: file, unknown };
}

/** Returns those variables that the services file does not name either. */
export function withoutVariables(unknown: readonly UnknownSetting[], variables: readonly string[]): UnknownSetting[] {
  return unknown.filter(({ name }) => !variables.includes(name));
}

/** Options of reading the services file. */
export type ServicesFileReadOptions =
  & Pick<ReadServicesFileOptions, "config" | "services">
  & Partial<Pick<ReadServicesFileOptions, "mode">>;

/**
 * Reads the services file, with the variables of the environment and of `.env`.
 *
 * @param path the file
 * @param options the mode is left as it is by default
 * @throws {ConfigError} with all problems
 */
export async function readServicesFileOf(
  path: string,
  platform: Pick<Platform, "env" | "files">,
  options: ServicesFileReadOptions,
): Promise<LoadedServicesFile> {
  const loadVariables = () => readVariables(platform);
  return await readServicesFile({ mode: "ignore", ...options, path, files: platform.files, loadVariables });
}

/**
 * Returns a function that gives the value of a variable of the environment or of `.env`; undefined if it is not set.
 *
 * @throws {ConfigError} if `.env` cannot be read
 */
export async function readVariables(
  platform: Pick<Platform, "env" | "files">,
): Promise<(name: string) => string | undefined> {
  const { file } = await readSources(platform, []);
  return (name) => platform.env(name) || file[name] || undefined;
}

/** Reads the services file, also where other settings are invalid. */
async function readNamedServicesFile(
  platform: Pick<Platform, "env" | "files">,
  options: ServicesFileReadOptions,
): Promise<LoadedServicesFile> {
  const { name, rule, default: standard = "" } = FIRST_GROUPS.services.settings.file;
  const { file } = await readSources(platform, []);
  const { data } = rule.safeParse(platform.env(name) || file[name] || standard);
  return data === undefined ? NO_SERVICES_FILE : await readServicesFileOf(data, platform, options);
}

/** Returns the result of some work, or the `ConfigError` that it throws. */
async function caught<T>(work: Promise<T>): Promise<T | ConfigError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
