/**
 * Scenarios in Jeedom's answers.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import { textIn } from "../../text/scalar.ts";
import { idIn, isHidden, isUnset, nameOf } from "./members.ts";

/** Scenario of Jeedom. */
export interface Scenario {
  /** Id. */
  readonly id: number;
  /** Name, safe to show. */
  readonly name: string;
  /** False if it is disabled in Jeedom. */
  readonly isActive: boolean;
  /** State when it was asked for, such as `in progress`; undefined where it is not known. */
  readonly state: string | undefined;
  /** True if only its id is known. */
  readonly isUnknown: boolean;
}

/** Returns a list of one scenario; an empty one for what is hidden or malformed, so that it does not hide the others. */
export function readScenario(value: unknown): Scenario[] {
  if (!isObject(value) || isHidden(value)) return [];
  const id = idIn(value["id"]);
  if (id === undefined) return [];
  const state = textIn(value["state"]);
  return [{ id, name: nameOf(value), isActive: !isUnset(value["isActive"]), state, isUnknown: false }];
}

/** Makes a scenario of which only the id is known. */
export function unknownScenario(id: number): Scenario[] {
  return [{ id, name: `#${id}`, isActive: true, state: undefined, isUnknown: true }];
}
