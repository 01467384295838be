/**
 * Actions that the key may run, as the gateway lists them.
 *
 * @module
 */
import type { Answer } from "@e2e-gateway/client";
import { isObject, tryParseJson } from "../../../../lib/json.ts";

/** Parameter of an action. */
export type Param =
  | {
    readonly type: "number";
    readonly name: string;
    readonly label: string;
    readonly min?: number | undefined;
    readonly max?: number | undefined;
    readonly step?: number | undefined;
  }
  | {
    readonly type: "enum";
    readonly name: string;
    readonly label: string;
    readonly values: readonly (string | number)[];
  }
  | { readonly type: "boolean"; readonly name: string; readonly label: string }
  | { readonly type: "text"; readonly name: string; readonly label: string; readonly maxLength: number };

/** Value of a parameter. */
export type ParamValue = string | number | boolean;

/** State of what an action changes; null where it cannot be read. */
export type ActionState = string | number | boolean | null;

/** Action that the key may run. */
export interface HomeAction {
  /** Name, to run it by. */
  readonly name: string;
  /** Text for people. */
  readonly label: string;
  /** Name of an icon, as the services file has it. */
  readonly icon?: string | undefined;
  /** Question to ask before it runs. */
  readonly confirm?: string | undefined;
  /** Shortest time between two runs, in milliseconds. */
  readonly coolDownMs: number;
  /** Parameters; undefined where this page does not know the type of one. */
  readonly params: readonly Param[] | undefined;
  /** Current state; undefined where the action has none. */
  readonly state?: ActionState | undefined;
}

/** Runs of the key that are left. */
export interface Uses {
  /** Runs left. */
  readonly left: number;
  /** All runs. */
  readonly of: number;
}

/** Actions of the key, and the runs that are left where they are limited. */
export interface ActionList {
  /** Actions, in the order of the gateway's file. */
  readonly actions: readonly HomeAction[];
  /** Runs left; undefined where they are not limited. */
  readonly uses?: Uses | undefined;
}

/** Parses the list; undefined if it is malformed. */
export function parseActionList({ status, body }: Pick<Answer, "status" | "body">): ActionList | undefined {
  return status === 200 ? readActionList(typeof body === "string" ? tryParseJson(body) : body) : undefined;
}

/** Reads a list as the gateway sends it, also one that the page has kept; undefined if it is malformed. */
export function readActionList(value: unknown): ActionList | undefined {
  if (!isObject(value) || !Array.isArray(value["actions"])) return undefined;
  const { uses } = value;
  const { left, of } = isObject(uses) ? uses : {};
  return {
    actions: value["actions"].flatMap(readAction),
    uses: typeof left === "number" && typeof of === "number" ? { left, of } : undefined,
  };
}

/** Returns a list of one action; an empty one for a malformed action, so that it does not hide the others. */
function readAction(value: unknown): HomeAction[] {
  if (!isObject(value) || typeof value["name"] !== "string" || typeof value["label"] !== "string") return [];
  const { name, label, icon, confirm, coolDown, params, state } = value;
  // One whose question cannot be read must not run without it.
  if (confirm !== undefined && confirm !== null && typeof confirm !== "string") return [];
  return [{
    name,
    label,
    icon: textOf(icon),
    confirm: textOf(confirm),
    coolDownMs: (numberOf(coolDown) ?? 0) * 1000,
    params: readParams(params),
    state: isState(state) ? state : undefined,
  }];
}

function readParams(value: unknown): readonly Param[] | undefined {
  if (value === undefined) return [];
  if (!isObject(value)) return undefined;
  const params = Object.entries(value).map(([name, param]) => readParam(name, param));
  return params.every((param) => param !== undefined) ? params : undefined;
}

function readParam(name: string, value: unknown): Param | undefined {
  if (!isObject(value)) return undefined;
  const label = textOf(value["label"]) ?? name;
  const { type, min, max, step, values, maxLength } = value;
  switch (type) {
    case "number":
      return { type, name, label, min: numberOf(min), max: numberOf(max), step: numberOf(step) };
    case "enum":
      return Array.isArray(values) && values.length > 0 && values.every(isEnumValue)
        ? { type, name, label, values }
        : undefined;
    case "boolean":
      return { type, name, label };
    case "text":
      return { type, name, label, maxLength: numberOf(maxLength) ?? 100 };
    default:
      return undefined;
  }
}

function isEnumValue(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function isState(value: unknown): value is ActionState {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
