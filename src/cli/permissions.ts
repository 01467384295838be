/**
 * The command `permissions`: prints the flags under which `deno task start` runs the gateway.
 *
 * @module
 */
import { MINIMAL_FLAGS, permissionFlags } from "../permissions.ts";
import type { Platform } from "./platform.ts";
import { findNotifySockets } from "./service_manager.ts";
import { readConfig } from "./settings.ts";

/** Prints the flags in one line. Whatever is wrong is left for `serve` to tell, with just enough to read it. */
export async function permissions(platform: Platform): Promise<number> {
  try {
    platform.print(permissionFlags(await readConfig(platform), findNotifySockets(platform)).join(" "));
  } catch {
    platform.print(MINIMAL_FLAGS.join(" "));
  }
  return 0;
}
