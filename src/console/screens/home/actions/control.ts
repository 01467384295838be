/**
 * Control of an action: which one fits its parameters.
 *
 * @module
 */
import { fitsInRow } from "../../../commands/choice.ts";
import { type Scale, scaleOf } from "../../../commands/scale.ts";
import type { ActionState, HomeAction, Param } from "./action_list.ts";

/** Control that runs an action. */
export type Control =
  /** One press. */
  | { readonly kind: "button" }
  /** Number within bounds. */
  | {
    readonly kind: "slider";
    readonly param: string;
    readonly scale: Scale;
  }
  /** On and off. */
  | { readonly kind: "switch"; readonly param: string }
  /** One of a few values. */
  | { readonly kind: "choice"; readonly param: string; readonly values: readonly (string | number)[] }
  /** Fields in a dialog. */
  | { readonly kind: "form"; readonly params: readonly Param[] }
  /** The page is too old for the action. */
  | { readonly kind: "unsupported" };

/** Returns the control of an action. */
export function controlOf({ params }: Pick<HomeAction, "params">): Control {
  if (params === undefined) return { kind: "unsupported" };
  const [param] = params;
  if (param === undefined) return { kind: "button" };
  if (params.length === 1) {
    if (param.type === "boolean") return { kind: "switch", param: param.name };
    if (param.type === "number" && param.min !== undefined && param.max !== undefined) {
      const scale = scaleOf({ min: param.min, max: param.max, step: param.step });
      if (scale !== undefined) return { kind: "slider", param: param.name, scale };
    }
    if (param.type === "enum" && fitsInRow(param.values)) {
      return { kind: "choice", param: param.name, values: param.values };
    }
  }
  return { kind: "form", params };
}

const ON = ["on", "true", "1", "open", "yes", "active", "enabled", "ringing", "running", "playing"];
const OFF = ["off", "false", "0", "closed", "no", "inactive", "disabled"];

/** Returns whether a state means on; undefined where it means neither on nor off. */
export function isOn(state: ActionState | undefined): boolean | undefined {
  if (state === null || state === undefined) return undefined;
  const word = String(state).trim().toLowerCase();
  return ON.includes(word) ? true : OFF.includes(word) ? false : undefined;
}
