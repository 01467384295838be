/**
 * Guest passes: keys with few rights, and for a short time.
 *
 * @module
 */
import type { RandomBytes } from "../protocol/bytes.ts";
import { rightsOptions } from "./rights_from_options.ts";
import type { OptionValues } from "./rights_options.ts";
import type { ServiceModule } from "./service.ts";

/** Rule for a pass: without any right named, a key may do what a phone of the household may. */
export const PASS_RULE = "A pass needs rights: say what the guest may do, such as --action NAME";

/** Returns whether options name a right. */
export function namesRights(values: OptionValues, services: readonly ServiceModule[]): boolean {
  return Object.keys(rightsOptions(services)).some((name) => values[name] !== undefined);
}

/** Makes a name that no other key has. */
export function guestName(random: RandomBytes): string {
  return `guest-${random(3).toHex()}`;
}
