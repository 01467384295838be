/**
 * States that the values 0 and 1 of a binary command stand for.
 *
 * @module
 */
import type { Info } from "./rooms.ts";

/** Meanings for which Jeedom's 1 is a contact that is closed. */
const CONTACTS: readonly string[] = ["OPENING", "OPENING_WINDOW"];

/** Returns the states of 0 and of 1. Jeedom inverts what it shows of doors and windows whose sensors send 1 for open. */
export function stepStates(
  { genericType, isInverted }: Pick<Info, "genericType" | "isInverted">,
): readonly ["off" | "open" | "closed", "on" | "open" | "closed"] {
  if (!CONTACTS.includes(genericType)) return ["off", "on"];
  return isInverted ? ["closed", "open"] : ["open", "closed"];
}
