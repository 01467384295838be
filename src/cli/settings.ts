/**
 * Reads the settings from where they are: the environment, and the file `.env`.
 *
 * @module
 */
import { parse } from "@std/dotenv/parse";
import { type Config, parseConfig, SETTINGS, type Variables } from "../config.ts";
import type { Platform } from "./platform.ts";

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

/**
 * Reads the configuration.
 *
 * @throws `ConfigError` with all problems
 */
export async function readConfig(platform: Pick<Platform, "env" | "files">): Promise<Config> {
  const { environment, file } = await readSources(platform);
  return parseConfig(environment, file);
}
