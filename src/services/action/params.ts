/**
 * Parameters of actions: their declarations in the services file, and their values in a request.
 *
 * @module
 */
import { z } from "zod";
import { plainNumber } from "../../lib/exact_json.ts";
import { isObject } from "../../lib/json.ts";
import { FieldError } from "../../protocol/payload.ts";
import type { ParamValue, ParamValues } from "./placeholders.ts";
import { boundedText, mapOf } from "./rules.ts";

/** Longest text that a parameter may have, in characters. */
const MAX_TEXT_LENGTH = 1000;

/** Longest text of a parameter whose declaration has no length, in characters. */
const DEFAULT_TEXT_LENGTH = 100;

/** Rule for the name of a parameter. */
const NAME_RULE = "must be 1 to 40 letters, digits and _, first a letter";

/** Share of a step by which a number may miss it: decimal fractions such as 0.1 have no exact double. */
const STEP_TOLERANCE = 1e-6;

const LENGTH_RULE = `must be a whole number from 1 to ${MAX_TEXT_LENGTH}`;

const label = boundedText(100).optional();

const size = z.number("must be a number");

const number = z.strictObject({
  type: z.literal("number"),
  label,
  min: size.optional(),
  max: size.optional(),
  step: size.positive("must be above 0").optional(),
}).refine(({ min = -Infinity, max = Infinity }) => min <= max, { path: ["max"], message: "must be at least min" });

const choice = z.union([boundedText(100), z.number()], "must be a text of 1 to 100 characters, or a number");

const enumeration = z.strictObject({
  type: z.literal("enum"),
  label,
  values: z.array(choice, "must be a list of texts or numbers").min(1, "must have a value").max(
    100,
    "must have at most 100 values",
  )
    .refine((values) => new Set(values.map(String)).size === values.length, "must be different from each other"),
});

const boolean = z.strictObject({ type: z.literal("boolean"), label });

const text = z.strictObject({
  type: z.literal("text"),
  label,
  maxLength: z.int(LENGTH_RULE).min(1, LENGTH_RULE).max(MAX_TEXT_LENGTH, LENGTH_RULE).default(DEFAULT_TEXT_LENGTH),
});

const declaration = z.discriminatedUnion("type", [number, enumeration, boolean, text], {
  error: (issue) => issue.code === "invalid_union" ? "must have a type: number, enum, boolean or text" : undefined,
});

/** Declaration of a parameter. */
export type Param = Readonly<z.output<typeof declaration>>;

/** Schema of an action's parameters by name. */
export const paramsSchema = mapOf(z.string().regex(/^[A-Za-z]\w{0,39}$/, NAME_RULE), declaration)
  .refine((params) => Object.keys(params).length <= 20, "must be at most 20 parameters")
  .transform((params): ReadonlyMap<string, Param> => new Map(Object.entries(params)));

/**
 * Reads the values of an action's parameters from a request: each that is declared, and no other.
 *
 * @throws {FieldError} naming the parameter that is missing, wrong or unknown
 */
export function readParams(declared: ReadonlyMap<string, Param>, given: unknown): ParamValues {
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

function numberFault(
  { min, max, step }: Readonly<z.output<typeof number>>,
  value: unknown,
): string | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return "must be a number";
  if (min !== undefined && value < min) return `must be at least ${min}`;
  if (max !== undefined && value > max) return `must be at most ${max}`;
  if (step === undefined) return undefined;
  const steps = (value - (min ?? 0)) / step;
  if (Math.abs(steps - Math.round(steps)) <= STEP_TOLERANCE) return undefined;
  return `must be ${min ?? 0} or a number of steps of ${step} from it`;
}

/** Returns whether a value is text without line breaks, other control characters, and halves of surrogate pairs. */
function isPlainText(value: unknown, maxLength: number): boolean {
  return typeof value === "string" && value.length <= maxLength && value.isWellFormed() &&
    !/[\p{Cc}\u2028\u2029]/u.test(value);
}
