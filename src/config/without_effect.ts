/**
 * Messages about variables and lines of `.env` without effect.
 *
 * @module
 */
import type { ConfigError } from "./parse.ts";
import { describeUnknownSetting, type UnknownSetting } from "./unknown_settings.ts";

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
