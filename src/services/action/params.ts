/**
 * Parameters of actions: their declarations in the services file, and their values in a request.
 *
 * @module
 */
import { plainNumber } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { FieldError } from "../../protocol/payload.ts";
import type { ParamValue, ParamValues } from "./placeholders.ts";

/** Parameter that is a number. */
export interface NumberParam {
  /** Distinguishes it. */
  readonly type: "number";
  /** Text for people. */
  readonly label?: string | undefined;
  /** Least value. */
  readonly min?: number | undefined;
  /** Greatest value. */
  readonly max?: number | undefined;
  /** Distance between values, from `min` or 0 on. */
  readonly step?: number | undefined;
}

/** Parameter that is one of some values. */
export interface EnumParam {
  /** Distinguishes it. */
  readonly type: "enum";
  /** Text for people. */
  readonly label?: string | undefined;
  /** The values. */
  readonly values: readonly (string | number)[];
}

/** Parameter that is true or false. */
export interface BooleanParam {
  /** Distinguishes it. */
  readonly type: "boolean";
  /** Text for people. */
  readonly label?: string | undefined;
}

/** Parameter that is text in one line. */
export interface TextParam {
  /** Distinguishes it. */
  readonly type: "text";
  /** Text for people. */
  readonly label?: string | undefined;
  /** Longest text, in characters. */
  readonly maxLength: number;
}

/** Declaration of a parameter. */
export type Param = NumberParam | EnumParam | BooleanParam | TextParam;

/** Declarations of an action's parameters by name. */
export type Params = ReadonlyMap<string, Param>;

/** Share of its size by which a number may miss a step: decimal fractions such as 0.1 have no exact double. */
const STEP_TOLERANCE = 1e-12;

/**
 * Reads the values of an action's parameters from a request: each that is declared, and no other.
 *
 * @throws {FieldError} naming the parameter that is missing, wrong or unknown
 */
export function readParams(declared: Params, given: unknown): ParamValues {
  const values = given ?? {};
  if (!isObject(values)) throw new FieldError("Invalid field: params: must be an object");
  if (Object.keys(values).some((name) => !declared.has(name))) {
    const names = [...declared.keys()].join(", ");
    throw new FieldError(`Invalid field: params: ${names === "" ? "must be absent" : `must have only ${names}`}`);
  }
  return new Map([...declared].map(([name, param]) => {
    if (!Object.hasOwn(values, name)) throw new FieldError(`Missing required field: params.${name}`);
    const value = plainNumber(values[name]);
    const fault = faultOf(param, value);
    if (fault !== undefined || !isParamValue(value)) throw new FieldError(`Invalid field: params.${name}: ${fault}`);
    return [name, value];
  }));
}

function isParamValue(value: unknown): value is ParamValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Returns the rule that a value does not follow; undefined if it follows all. */
function faultOf(param: Param, value: unknown): string | undefined {
  switch (param.type) {
    case "number":
      return numberFault(param, value);
    case "enum":
      return param.values.some((one) => one === value) ? undefined : `must be ${choices(param.values)}`;
    case "boolean":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "text":
      return isPlainText(value, param.maxLength)
        ? undefined
        : `must be text of at most ${param.maxLength} characters in one line`;
  }
}

function choices(values: readonly (string | number)[]): string {
  return values.map((value) => JSON.stringify(value)).join(" or ");
}

function numberFault({ min, max, step }: NumberParam, value: unknown): string | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return "must be a number";
  if (min !== undefined && value < min) return `must be at least ${min}`;
  if (max !== undefined && value > max) return `must be at most ${max}`;
  if (step === undefined) return undefined;
  const first = min ?? 0;
  const nearest = first + Math.round((value - first) / step) * step;
  const tolerance = STEP_TOLERANCE * Math.max(Math.abs(value), Math.abs(first));
  if (Math.abs(value - nearest) <= tolerance) return undefined;
  return `must be ${first} or a number of steps of ${step} from it`;
}

/** Returns whether a value is text without line breaks, other control characters, and halves of surrogate pairs. */
function isPlainText(value: unknown, maxLength: number): boolean {
  return typeof value === "string" && value.length <= maxLength && value.isWellFormed() &&
    !/[\p{Cc}\u2028\u2029]/u.test(value);
}
