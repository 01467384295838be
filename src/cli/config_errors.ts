/**
 * Messages about invalid settings, and about variables and lines of `.env` without effect.
 *
 * @module
 */
import type { ConfigError } from "../config/parse.ts";
import { describeUnknownSetting, type UnknownSetting } from "../config/unknown_settings.ts";
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

/** Describes the variables that most likely are misspelt settings, and the lines that set nothing. */
export function describeWithoutEffect(
  { unknown, unreadLines }: Pick<ConfigError, "unknown" | "unreadLines">,
): string[] {
  return [...describeMisspelt(unknown), ...describeUnread(unreadLines)];
}

/** Describes those variables that most likely are misspelt settings. */
export function describeMisspelt(unknown: readonly UnknownSetting[]): string[] {
  return unknown.filter(({ suggestions }) => suggestions.length > 0).map(describeUnknownSetting);
}

/** Maximum number of lines to name: in a file of another kind, all of them set nothing. */
const MAX_NAMED_LINES = 5;

/** Describes the lines of `.env` that set nothing. They are not shown: one may hold a password. */
export function describeUnread(lines: readonly number[]): string[] {
  if (lines.length === 0) return [];
  if (lines.length === 1) return [`Line ${lines[0]} of .env sets nothing, as it is not NAME=value`];
  const named = lines.slice(0, MAX_NAMED_LINES).join(", ");
  const others = lines.length > MAX_NAMED_LINES ? ` and ${lines.length - MAX_NAMED_LINES} more` : "";
  return [`Lines ${named}${others} of .env set nothing, as they are not NAME=value`];
}
