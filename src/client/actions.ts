/**
 * Actions that the operator of the gateway named.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import type { Answer } from "./answer.ts";
import { type Fields, fieldsOf, malformed } from "./service_answer.ts";

/** Action that the key may run. Members that this client does not know are kept. */
export interface Action {
  /** Name, to run it by. */
  readonly name: string;
  /** Text for people. */
  readonly label: string;
  /** Name of an icon. */
  readonly icon?: string;
  /** Question to ask before it runs. */
  readonly confirm?: string;
  /** Types of its parameters by name, each with its limits. */
  readonly params?: Fields;
  /** Shortest time between two runs, in seconds. */
  readonly coolDown?: number;
  /** Current state of what it changes; null where it cannot be read, absent where the action has none. */
  readonly state?: string | number | boolean | null;
}

/** Runs of actions that a key has left. */
export interface ActionUses {
  /** Number of runs that are left, of all actions together. */
  readonly left: number;
  /** Number of runs that the key was granted. */
  readonly of: number;
}

/** Actions that the key may run. */
export interface ActionList {
  /** The actions, in the order of the operator. */
  readonly actions: readonly Action[];
  /** Runs that are left; absent where the key may run them without limit. */
  readonly uses?: ActionUses;
}

/**
 * Parses the list of actions.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseActions(answer: Answer): ActionList {
  const { actions, uses } = fieldsOf(answer, "action");
  if (!Array.isArray(actions) || !actions.every(isAction)) throw malformed("action");
  if (uses === undefined) return { actions };
  if (!isUses(uses)) throw malformed("action");
  return { actions, uses };
}

function isUses(value: unknown): value is ActionUses {
  return isObject(value) && typeof value["left"] === "number" && typeof value["of"] === "number";
}

function isAction(value: unknown): value is Action {
  return isObject(value) && typeof value["name"] === "string" && typeof value["label"] === "string";
}
