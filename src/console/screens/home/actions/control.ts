/**
 * Control of an action: which one fits its parameters.
 *
 * @module
 */
import type { ActionState, HomeAction, Param } from "./action_list.ts";

/** Control that runs an action. */
export type Control =
  /** One press. */
  | { readonly kind: "button" }
  /** Number within bounds. */
  | {
    readonly kind: "slider";
    readonly param: string;
    readonly min: number;
    readonly max: number;
    readonly step: number;
  }
  /** On and off. */
  | { readonly kind: "switch"; readonly param: string }
  /** One of a few values. */
  | { readonly kind: "choice"; readonly param: string; readonly values: readonly (string | number)[] }
  /** Fields in a dialog. */
  | { readonly kind: "form"; readonly params: readonly Param[] }
  /** The page is too old for the action. */
  | { readonly kind: "unsupported" };

/** Most values that are shown side by side, and the most characters of all of them together. */
const MAX_CHOICES = 4;
const MAX_CHOICES_LENGTH = 28;

/** Steps of a slider without a step of its own. */
const DEFAULT_STEPS = 100;

/** Returns the control of an action. */
export function controlOf({ params }: Pick<HomeAction, "params">): Control {
  if (params === undefined) return { kind: "unsupported" };
  const [param] = params;
  if (param === undefined) return { kind: "button" };
  if (params.length === 1) {
    if (param.type === "boolean") return { kind: "switch", param: param.name };
    if (param.type === "number" && param.min !== undefined && param.max !== undefined && param.max > param.min) {
      const { min, max } = param;
      return { kind: "slider", param: param.name, min, max, step: param.step ?? defaultStep(min, max) };
    }
    if (param.type === "enum" && fitsInRow(param.values)) {
      return { kind: "choice", param: param.name, values: param.values };
    }
  }
  return { kind: "form", params };
}

function fitsInRow(values: readonly (string | number)[]): boolean {
  return values.length <= MAX_CHOICES && values.join("").length <= MAX_CHOICES_LENGTH;
}

/** Returns a step of 1, 0.1, 0.01 … or 10, 100 … that divides the range in about a hundred. */
function defaultStep(min: number, max: number): number {
  return 10 ** Math.round(Math.log10((max - min) / DEFAULT_STEPS));
}

/** Decimals of a step, so that values are shown with as many. */
export function decimalsOf(step: number): number {
  const [, fraction = ""] = String(step).split(".");
  return /e-/.test(String(step)) ? 6 : Math.min(fraction.length, 6);
}

/** Returns the value on the slider's scale that is nearest to a number. */
export function snap(value: number, { min, max, step }: Extract<Control, { kind: "slider" }>): number {
  const steps = Math.round((value - min) / step);
  const snapped = Number((min + steps * step).toFixed(decimalsOf(step) + 2));
  return Math.min(max, Math.max(min, snapped));
}

const ON = ["on", "true", "1", "open", "yes", "active", "enabled", "ringing", "running", "playing"];
const OFF = ["off", "false", "0", "closed", "no", "inactive", "disabled"];

/** Returns whether a state means on; undefined where it means neither on nor off. */
export function isOn(state: ActionState | undefined): boolean | undefined {
  if (state === null || state === undefined) return undefined;
  const word = String(state).trim().toLowerCase();
  return ON.includes(word) ? true : OFF.includes(word) ? false : undefined;
}

/** Returns the number that a state is; undefined where it is none. */
export function numberOfState(state: ActionState | undefined): number | undefined {
  if (typeof state === "number") return state;
  if (typeof state !== "string" || state.trim() === "") return undefined;
  const number = Number(state);
  return Number.isFinite(number) ? number : undefined;
}
