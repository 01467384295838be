/**
 * Reads the settings from where they are: the environment, and the file `.env`.
 *
 * @module
 */
import { parse } from "@std/dotenv/parse";
import { type Config, type ConfigError, parseConfig, SETTINGS, type Variables } from "../config.ts";
import { EXIT_CONFIG, type Platform } from "./platform.ts";

/** The variables and where they came from. */
export interface Sources {
  /** The process' environment, which wins. */
  readonly environment: Variables;
  /** The file `.env` in the working directory; empty when there is none. */
  readonly file: Variables;
}

/** Reads the variables of the settings, and further ones by name. */
export async function readSources(
  { env, files }: Pick<Platform, "env" | "files">,
  further: readonly string[] = [],
): Promise<Sources> {
  const names = [...Object.keys(SETTINGS), ...further];
  const environment = Object.fromEntries(names.map((name) => [name, env(name)]));
  try {
    return { environment, file: parse(await files.readTextFile(".env")) };
  } catch (error) {
    if (error instanceof Error && error.name === "NotFound") return { environment, file: {} };
    throw error;
  }
}

/** Tells everything that is wrong with the configuration, and what to do when it is mended. Returns the exit code. */
export function tellConfigError(
  { problems }: ConfigError,
  { printError, next }: Pick<Platform, "printError"> & { readonly next: string },
): number {
  printError(`The configuration is wrong. Mend this in the environment or in .env, then ${next}:`);
  for (const problem of problems) printError(`  ${problem}`);
  return EXIT_CONFIG;
}

/**
 * Reads the configuration.
 *
 * @throws `ConfigError` with all problems
 */
export async function readConfig(platform: Pick<Platform, "env" | "files">): Promise<Config> {
  const { environment, file } = await readSources(platform);
  return parseConfig(environment, file);
}
