/**
 * Members of Jeedom's answers: ids, names, and what PHP writes for yes and no.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import { numberIn, textIn } from "../../text/scalar.ts";
import { visibleText } from "../../text/visible.ts";

/** Returns the list that a value is: PHP writes a list with gaps as an object, and an empty one as "ok". */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
}

/** Returns whether Jeedom hides a part. */
export function isHidden(value: Readonly<Record<string, unknown>>): boolean {
  return isUnset(value["isVisible"]);
}

/** Returns whether a member of an answer says no. */
export function isUnset(value: unknown): boolean {
  return value === false || value === 0 || value === "0";
}

/** Returns whether a member of an answer is set: PHP writes 1, "1" or true. */
export function isSet(value: unknown): boolean {
  return value === true || value === 1 || value === "1";
}

/** Returns the id that a value is; undefined where it is none. */
export function idIn(value: unknown): number | undefined {
  const id = numberIn(value);
  return id !== undefined && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

/** Returns the name of a part of Jeedom, safe to show; its id where it has none. */
export function nameOf(value: Readonly<Record<string, unknown>>): string {
  return visibleText(textIn(value["name"])?.trim() || `#${textIn(value["id"]) ?? "?"}`);
}
