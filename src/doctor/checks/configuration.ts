/**
 * Whether the settings are right. This comes before all other checks: they need them.
 *
 * @module
 */
import type { Result } from "../check.ts";
import { failed, type Finding, ok, together, warning } from "../finding.ts";

/** Faults of the settings. */
export interface SettingsFound {
  /** Everything that is wrong, as the command `check-config` tells it; none when the settings are right. */
  readonly problems: readonly string[];
  /** What has no effect, such as misspelt settings, as that command tells it. */
  readonly withoutEffect: readonly string[];
}

/** Tells everything that is wrong with the settings. */
export function reportConfiguration({ problems, withoutEffect }: SettingsFound): Result {
  const findings: Finding[] = [
    ...problems.map((problem) => failed(problem, "Mend this in the environment or in .env")),
    ...withoutEffect.map((text) => warning(text, "Correct or remove it, then restart the gateway")),
  ];
  return { name: "configuration", ...findings.length === 0 ? ok("Right") : together(findings) };
}
