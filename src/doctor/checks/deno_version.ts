/**
 * Whether Deno is the one that the gateway is tested with.
 *
 * @module
 */
import type { Result } from "../check.ts";
import { ok, warning } from "../finding.ts";

/** The tested line of Deno, without its last number, which only mends faults. */
export const TESTED_DENO = "2.9";

/** Compares the version of Deno, such as `2.9.6`, with the tested one. */
export function reportDenoVersion(version: string): Result {
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
