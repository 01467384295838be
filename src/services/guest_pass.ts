/**
 * Guest passes: keys with few rights, and for a short time.
 *
 * @module
 */
import type { RandomBytes } from "../protocol/bytes.ts";
import { rightsOptions } from "./rights_from_options.ts";
import type { OptionValues } from "./rights_options.ts";
import type { ServiceModule } from "./service.ts";

/** Rule for a pass without any limit. */
export const PASS_RULE = "A pass needs a limit: give rights such as --action NAME, --uses N, or --expires 2h";

/** Returns whether options limit a pass in what it may do, or in time. */
export function isLimitedPass(values: OptionValues, services: readonly ServiceModule[]): boolean {
  return [...Object.keys(rightsOptions(services)), "expires"].some((name) => values[name] !== undefined);
}

/** Makes a name that no other key has. */
export function guestName(random: RandomBytes): string {
  return `guest-${random(3).toHex()}`;
}
