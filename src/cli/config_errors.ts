/**
 * Messages about invalid settings.
 *
 * @module
 */
import type { ConfigError } from "../config/parse.ts";
import { describeWithoutEffect } from "../config/without_effect.ts";
import type { Platform } from "../platform.ts";
import { EXIT_CONFIG } from "./exit_codes.ts";

/** Prints all problems of the configuration, and what to do after fixing them. Returns the exit code. */
export function reportConfigError(
  error: ConfigError,
  { printError, next }: Pick<Platform, "printError"> & { readonly next: string },
): number {
  printError(`Invalid configuration. Fix these in the environment, .env or the file that is named, then ${next}:`);
  for (const problem of [...error.problems, ...describeWithoutEffect(error)]) printError(`  ${problem}`);
  return EXIT_CONFIG;
}
