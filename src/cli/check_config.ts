/**
 * The command `check-config`: shows the effective configuration, or everything that is wrong with it.
 *
 * @module
 */
import { ConfigError, parseConfig, SECRET_SETTINGS, SETTINGS } from "../config.ts";
import { type BrokerPattern, formatBrokerPattern } from "../security/egress.ts";
import type { Network } from "../security/ip_address.ts";
import type { CommandLine } from "./args.ts";
import type { Platform } from "./platform.ts";
import { tellStartFailure } from "./serve.ts";
import { checkedConfig, readSources } from "./settings.ts";

/** Command line of `check-config`. */
export const CHECK_CONFIG_LINE = {
  synopsis: "deno task check-config",
  summary: "Show the effective configuration, or everything that is wrong with it",
  options: {},
} as const satisfies CommandLine;

/** Prints one line for each setting, with its source; secrets are masked. */
export async function checkConfig(platform: Platform): Promise<number> {
  try {
    const { environment, file } = await readSources(platform);
    const config: Record<string, unknown> = await checkedConfig(parseConfig(environment, file), platform);
    for (const name of Object.keys(SETTINGS)) {
      const source = environment[name] ? "environment" : file[name] ? ".env" : "default";
      platform.print(`${name}=${show(name, config[name])}  # ${source}`);
    }
    platform.print("The configuration is right.");
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) return tellStartFailure(error, platform);
    throw error;
  }
}

function show(name: string, value: unknown): string {
  if (value === undefined) return "";
  if (SECRET_SETTINGS.includes(name)) return "********";
  return Array.isArray(value) ? value.map(showEntry).join(",") : String(value);
}

function showEntry(entry: BrokerPattern | Network | string): string {
  if (typeof entry === "string") return entry;
  return "bits" in entry ? `${entry.address}/${entry.bits}` : formatBrokerPattern(entry);
}
