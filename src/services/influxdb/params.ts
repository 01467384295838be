/**
 * Parameters of queries: their definitions in the services file, and their values in requests.
 *
 * @module
 */
import { z } from "zod";
import { plainNumber } from "../../lib/exact_json.ts";
import { isVisible } from "../../lib/visible.ts";
import { FieldError } from "../../protocol/payload.ts";
import { type SectionPart, sectionPartOf } from "../section_schema.ts";
import { createEntryMatcher, isEntryPattern } from "../entry_names.ts";
import { DURATION_RULE, parseSpan, parseTime, TIME_RULE } from "./times.ts";

/** Value of a parameter, checked against its definition. */
export type ParamValue =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "number"; readonly number: number; readonly isInteger: boolean }
  /** Milliseconds since 1970. */
  | { readonly kind: "time"; readonly ms: number }
  /** Milliseconds. */
  | { readonly kind: "duration"; readonly ms: number }
  /** Name of a column, a field or a measurement. */
  | { readonly kind: "identifier"; readonly name: string };

/** Definition of a parameter. */
export interface Param {
  /** Definition as the file has it, for the list of queries. */
  readonly definition: Readonly<Record<string, unknown>>;
  /**
   * Parses a value.
   *
   * @param now the time, in milliseconds since 1970
   * @returns the value, or its fault as text that follows the name
   */
  parse(value: unknown, now: number): ParamValue | string;
}

/** Values by the names of the parameters. */
export type ParamValues = ReadonlyMap<string, ParamValue>;

/** Largest number: its digits are exact, and never written with an exponent. */
const MAX_NUMBER = 10 ** 15;

const NUMBER_RULE = `must be a number from -${MAX_NUMBER} to ${MAX_NUMBER}`;

const number = z.number(NUMBER_RULE).min(-MAX_NUMBER, NUMBER_RULE).max(MAX_NUMBER, NUMBER_RULE);

const duration = z.string(DURATION_RULE).refine((text) => parseSpan(text) !== undefined, DURATION_RULE);

const VALUES_RULE = "must be a list of 1 to 100 texts";

const VALUE_RULE = "must be a text of 1 to 100 characters without control characters";

const values = z.array(
  z.string(VALUE_RULE).min(1, VALUE_RULE).max(100, VALUE_RULE).refine(isPlain, VALUE_RULE),
  VALUES_RULE,
).min(1, VALUES_RULE).max(100, VALUES_RULE);

/** Value where a request has none; checked like one. */
const fallback = { default: z.union([z.string(), z.number()], "must be a text or a number").optional() };

const LENGTH_RULE = "must be a whole number from 1 to 1000";

const definitions = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("time"),
    maxAge: duration.default("31d"),
    maxAhead: duration.optional(),
    ...fallback,
  }),
  z.strictObject({ type: z.literal("enum"), values, ...fallback }),
  z.strictObject({
    type: z.literal("identifier"),
    values: values.optional(),
    pattern: z.string().refine(isEntryPattern, "must be a pattern of letters, digits, _, -, . and at most three *")
      .optional(),
    ...fallback,
  }),
  z.strictObject({
    type: z.literal("number"),
    min: number.optional(),
    max: number.optional(),
    integer: z.boolean("must be true or false").default(false),
    ...fallback,
  }),
  z.strictObject({
    type: z.literal("text"),
    maxLength: z.int(LENGTH_RULE).min(1, LENGTH_RULE).max(1000, LENGTH_RULE).default(100),
    ...fallback,
  }),
  z.strictObject({ type: z.literal("duration"), min: duration.default("1m"), max: duration.optional(), ...fallback }),
], { error: "must be time, enum, identifier, number, text or duration" });

type Definition = z.output<typeof definitions>;

const schema = definitions.transform((definition, context): Param => {
  const report = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
  const { type } = definition;
  if (type === "identifier" && definition.values === undefined && definition.pattern === undefined) {
    report("values", "must be given, or pattern: a request could name anything otherwise");
  }
  if (type === "number" && (definition.min ?? -Infinity) > (definition.max ?? Infinity)) {
    report("max", "must not be below min");
  }
  if (type === "duration" && definition.max !== undefined && spanOf(definition.min) > spanOf(definition.max)) {
    report("max", "must not be below min");
  }
  const param = { definition, parse: createParse(definition) };
  const { default: given } = definition;
  if (type === "time" && given !== undefined && !/^(?:now$|-)/.test(String(given))) {
    // A fixed time gets older than maxAge, and a file must not become invalid by that.
    report("default", "must be relative, such as -7d, or now");
  } else if (given !== undefined) {
    const fault = param.parse(given, 0);
    if (typeof fault === "string") report("default", fault);
  }
  return param;
});

/** Definition of a parameter in the section. */
export const PARAM_SCHEMA: SectionPart<Param> = sectionPartOf(schema);

/**
 * Parses the values of all parameters of a query.
 *
 * @param given field `params` of the request
 * @throws {FieldError} if one is missing, wrong or unknown
 */
export function parseParams(
  params: ReadonlyMap<string, Param>,
  given: Readonly<Record<string, unknown>>,
  now: number,
): ParamValues {
  const unknown = Object.keys(given).find((name) => !params.has(name));
  if (unknown !== undefined) {
    const names = params.size === 0 ? "none" : [...params.keys()].join(", ");
    throw new FieldError(
      `Invalid field: params: no such parameter: ${JSON.stringify(unknown.slice(0, 40))}. There are: ${names}`,
    );
  }
  return new Map([...params].map(([name, param]) => {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = plainNumber(own) ?? param.definition["default"];
    if (value === undefined) throw new FieldError(`Missing required field: params.${name}`);
    const parsed = param.parse(value, now);
    if (typeof parsed === "string") throw new FieldError(`Invalid field: params.${name}: ${parsed}`);
    return [name, parsed];
  }));
}

function createParse(definition: Definition): Param["parse"] {
  switch (definition.type) {
    case "time": {
      const limits = { maxAge: definition.maxAge, maxAhead: definition.maxAhead };
      return (value, now) => parseTimeParam(value, { ...limits, now });
    }
    case "enum":
      return (value) => {
        if (typeof value === "string" && definition.values.includes(value)) return { kind: "text", text: value };
        return `must be one of: ${definition.values.join(", ")}`;
      };
    case "identifier":
      return createIdentifierParse(definition.values, definition.pattern);
    case "number":
      return (value) => parseNumber(value, definition);
    case "text":
      return (value) => {
        const { maxLength } = definition;
        const isValid = typeof value === "string" && value.length <= maxLength && isPlain(value);
        return isValid
          ? { kind: "text", text: value }
          : `must be a text of at most ${maxLength} characters without control characters`;
      };
    case "duration":
      return (value) => parseDurationParam(value, definition);
  }
}

/** Tolerance for the clocks of clients, in milliseconds. */
const CLOCK_TOLERANCE_MS = 300_000;

function parseTimeParam(
  value: unknown,
  { maxAge, maxAhead, now }: { readonly maxAge: string; readonly maxAhead: string | undefined; readonly now: number },
): ParamValue | string {
  const ms = parseTime(value, now);
  if (ms === undefined) return TIME_RULE;
  if (ms < now - spanOf(maxAge) - CLOCK_TOLERANCE_MS) return `must be at most ${maxAge} ago`;
  const ahead = maxAhead === undefined ? 0 : spanOf(maxAhead);
  if (ms > now + ahead + CLOCK_TOLERANCE_MS) {
    return maxAhead === undefined ? "must not be in the future" : `must be at most ${maxAhead} ahead`;
  }
  return { kind: "time", ms: Math.max(0, ms) };
}

function createIdentifierParse(names: readonly string[] | undefined, pattern: string | undefined): Param["parse"] {
  const matches = createEntryMatcher(pattern === undefined ? [] : [pattern]);
  const rule = [names?.join(", "), pattern].filter((text) => text !== undefined).join(", ");
  return (value) => {
    // A pattern allows plain names alone, as they need no escapes.
    const isAllowed = typeof value === "string" &&
      (names?.includes(value) === true || (/^[\w.\-]{1,64}$/.test(value) && matches(value)));
    return isAllowed ? { kind: "identifier", name: value } : `must be one of: ${rule}`;
  };
}

function parseNumber(
  value: unknown,
  { min = -MAX_NUMBER, max = MAX_NUMBER, integer }: {
    readonly min?: number | undefined;
    readonly max?: number | undefined;
    readonly integer: boolean;
  },
): ParamValue | string {
  const isValid = typeof value === "number" && value >= min && value <= max && (!integer || Number.isInteger(value));
  if (!isValid) return `must be a ${integer ? "whole " : ""}number from ${min} to ${max}`;
  return { kind: "number", number: value, isInteger: integer };
}

function parseDurationParam(
  value: unknown,
  { min, max }: { readonly min: string; readonly max?: string | undefined },
): ParamValue | string {
  const ms = typeof value === "string" ? parseSpan(value) : undefined;
  if (ms === undefined) return DURATION_RULE;
  if (ms < spanOf(min)) return `must be at least ${min}`;
  return max !== undefined && ms > spanOf(max) ? `must be at most ${max}` : { kind: "duration", ms };
}

/** Returns the milliseconds of a duration that the schema has accepted. */
function spanOf(text: string): number {
  return parseSpan(text) ?? 0;
}

/** Returns whether a text can be written in every language: no control characters, and no half of a surrogate pair. */
function isPlain(text: string): boolean {
  return isVisible(text) && text.isWellFormed();
}
