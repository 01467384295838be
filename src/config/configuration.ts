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
import { type LoadedServicesFile, NO_SERVICES_FILE, readServicesFile } from "./services_file_reader.ts";
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
  const file = await caught(readNamedServicesFile(platform, services));
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

/**
 * Reads the services file, with the variables of the environment and of `.env`.
 *
 * @param path the file
 * @param services the services whose sections there are
 * @param mode `strict` makes the file readable only by its owner
 * @throws {ConfigError} with all problems
 */
export async function readServicesFileOf(
  path: string,
  platform: Pick<Platform, "env" | "files">,
  services: readonly ServiceModule[],
  mode: "strict" | "ignore" = "ignore",
): Promise<LoadedServicesFile> {
  const { file } = await readSources(platform, []);
  const variable = (name: string) => platform.env(name) || file[name] || undefined;
  return await readServicesFile({ path, mode, files: platform.files, variable, services });
}

/** Reads the services file, also where other settings are invalid. */
async function readNamedServicesFile(
  platform: Pick<Platform, "env" | "files">,
  services: readonly ServiceModule[],
): Promise<LoadedServicesFile> {
  const { name, rule, default: standard = "" } = FIRST_GROUPS.services.settings.file;
  const { file } = await readSources(platform, []);
  const { data } = rule.safeParse(platform.env(name) || file[name] || standard);
  return data === undefined ? NO_SERVICES_FILE : await readServicesFileOf(data, platform, services);
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
