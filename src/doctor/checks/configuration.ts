/**
 * Whether the settings are right. This comes before all other checks: they need them.
 *
 * @module
 */
import type { Result } from "../check.ts";
import { failed, ok } from "../finding.ts";

/**
 * Tells everything that is wrong with the settings.
 *
 * @param problems as the command `check-config` tells them; none when the settings are right
 */
export function tellConfiguration(problems: readonly string[]): Result {
  const name = "configuration";
  if (problems.length === 0) return { name, ...ok("Right") };
  return { name, ...failed(problems.join("\n"), "Mend this in the environment or in .env") };
}
