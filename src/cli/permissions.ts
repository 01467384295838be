/**
 * The command `permissions`: prints the flags under which `deno task start` runs the gateway.
 *
 * @module
 */
import { ConfigError } from "../config/parse.ts";
import { minimalFlags, permissionFlags } from "../config/sandbox.ts";
import type { CommandLine } from "./args.ts";
import type { UnknownSetting } from "../config/unknown_settings.ts";
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { findNotifySockets } from "../app/systemd.ts";
import { readConfiguration } from "../config/configuration.ts";
import { describeMisspelt } from "../config/without_effect.ts";

/** Command line of `permissions`. */
export const PERMISSIONS_LINE = {
  synopsis: "deno run main.ts permissions",
  summary: "Print the flags under which deno task start runs the gateway",
  options: {},
} as const satisfies CommandLine;

/**
 * Prints the flags in one line. With an invalid configuration, they let `serve` read and report it. Misspelt settings in
 * the environment are reported here, as `serve` cannot list the environment in its sandbox.
 */
export async function permissions(
  platform: Platform,
  services: readonly ServiceModule[] = SERVICES,
): Promise<number> {
  try {
    const { config, servicesFile: { sections, variables }, unknown } = await readConfiguration(platform, services);
    warnOfEnvironment(unknown, platform);
    const flags = permissionFlags(config, findNotifySockets(platform), { services, sections, variables });
    platform.print(flags.join(" "));
  } catch (error) {
    if (error instanceof ConfigError) warnOfEnvironment(error.unknown, platform);
    platform.print(minimalFlags(services, error instanceof ConfigError ? error.variables : []).join(" "));
  }
  return 0;
}

function warnOfEnvironment(unknown: readonly UnknownSetting[], { printError }: Platform): void {
  describeMisspelt(unknown.filter(({ source }) => source === "environment")).forEach((line) => printError(line));
}
