/**
 * Checks of the configuration and of Deno's version, which run before all others: those need the settings.
 *
 * @module
 */
import { type CheckResult, combineFindings, failed, type Finding, ok, warning } from "../check.ts";

/** Problems of the settings. */
export interface SettingsFound {
  /** Everything that is invalid, in the text of the command `check-config`; empty if the settings are valid. */
  readonly problems: readonly string[];
  /** Settings without effect, such as misspelt ones, and former names of settings, in the text of that command. */
  readonly warnings: readonly string[];
}

/** Reports the problems of the settings. */
export function reportConfiguration({ problems, warnings }: SettingsFound): CheckResult {
  const findings: Finding[] = [
    ...problems.map((problem) => failed(problem, "Fix this in the environment or in .env")),
    ...warnings.map((text) => warning(text, "Correct or remove it, then restart the gateway")),
  ];
  return { name: "configuration", ...findings.length === 0 ? ok("Valid") : combineFindings(findings) };
}

/** Tested release line of Deno, without the patch number. */
export const TESTED_DENO = "2.9";

/** Compares the version of Deno, such as `2.9.6`, with the tested one. */
export function reportDenoVersion(version: string): CheckResult {
  const name = "deno";
  if (version.startsWith(`${TESTED_DENO}.`)) return { name, ...ok(`Version ${version}`) };
  return {
    name,
    ...warning(
      `Version ${version}: the gateway is tested with ${TESTED_DENO}`,
      `Install it: deno upgrade ${TESTED_DENO}.6, or npm install -g deno@${TESTED_DENO}.6`,
    ),
  };
}
