/**
 * The command `permissions`: prints the flags under which `deno task start` runs the gateway.
 *
 * @module
 */
import { MINIMAL_FLAGS, permissionFlags } from "../permissions.ts";
import type { CommandLine } from "./args.ts";
import type { Platform } from "./platform.ts";
import { findNotifySockets } from "./service_manager.ts";
import { readConfig } from "./settings.ts";

/** Command line of `permissions`. */
export const PERMISSIONS_LINE = {
  synopsis: "deno run main.ts permissions",
  summary: "Print the flags under which deno task start runs the gateway",
  options: {},
} as const satisfies CommandLine;

/** Prints the flags in one line. Whatever is wrong is left for `serve` to tell, with just enough to read it. */
export async function permissions(platform: Platform): Promise<number> {
  try {
    platform.print(permissionFlags(await readConfig(platform), findNotifySockets(platform)).join(" "));
  } catch {
    platform.print(MINIMAL_FLAGS.join(" "));
  }
  return 0;
}
