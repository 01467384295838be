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

/**
 * Parses the list of actions.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseActions(answer: Answer): readonly Action[] {
  const { actions } = fieldsOf(answer, "action");
  if (!Array.isArray(actions) || !actions.every(isAction)) throw malformed("action");
  return actions;
}

function isAction(value: unknown): value is Action {
  return isObject(value) && typeof value["name"] === "string" && typeof value["label"] === "string";
}
