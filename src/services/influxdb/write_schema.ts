/**
 * Measurements that a write of the services file allows, and the values of their tags and fields.
 *
 * @module
 */
import { z } from "zod";
import { isVisible } from "../../lib/visible.ts";
import { type SectionPart, sectionPartOf } from "../section_schema.ts";

/** Value of a field of a point. */
export type FieldValue =
  | { readonly kind: "float"; readonly number: number }
  | { readonly kind: "integer"; readonly number: number }
  | { readonly kind: "boolean"; readonly flag: boolean }
  | { readonly kind: "string"; readonly text: string };

/** Rule for a value: parses it, or returns its fault as text that follows its name. */
export interface ValueRule<T> {
  /** Definition as the file has it, for the list of writes. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Parses a value, or returns its fault. */
  parse(value: unknown): T | string;
}

/** A measurement. */
export interface Measurement {
  /** Tags that a point may have. */
  readonly tags: ReadonlyMap<string, ValueRule<{ readonly text: string }>>;
  /** Fields that a point may have, of which it has at least one. */
  readonly fields: ReadonlyMap<string, ValueRule<FieldValue>>;
}

const KEY_RULE =
  "must be a name of 1 to 64 letters, digits, dots, dashes, spaces and underscores, first a letter or digit";

/** Names without characters that InfluxDB gives a meaning, but a space. `time` is the time of a point. */
const key = z.string().regex(/^(?!time$)[A-Za-z0-9](?:[\w.\- ]{0,62}[\w.\-])?$/, `${KEY_RULE}, and not time`);

const VALUE_RULE = "must be a text of 1 to 100 characters without control characters and without \\ at its end";

const values = z.array(z.string(VALUE_RULE).refine(isTagValue, VALUE_RULE)).min(1).max(100);

const LENGTH_RULE = "must be a whole number from 1 to 1000";

const maxLength = z.int(LENGTH_RULE).min(1, LENGTH_RULE).max(1000, LENGTH_RULE).default(100);

const tag = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), maxLength }),
  z.strictObject({ type: z.literal("enum"), values }),
], { error: "must be text or enum" }).transform((definition): ValueRule<{ readonly text: string }> => ({
  definition,
  parse(value) {
    if (definition.type === "enum") {
      return typeof value === "string" && definition.values.includes(value)
        ? { text: value }
        : `must be one of: ${definition.values.join(", ")}`;
    }
    const isValid = typeof value === "string" && value.length <= definition.maxLength && isTagValue(value);
    return isValid
      ? { text: value }
      : `must be a text of 1 to ${definition.maxLength} characters without control characters and without \\ at its end`;
  },
}));

const field = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("number"), min: z.number().optional(), max: z.number().optional() }),
  z.strictObject({ type: z.literal("integer"), min: z.int().optional(), max: z.int().optional() }),
  z.strictObject({ type: z.literal("boolean") }),
  z.strictObject({ type: z.literal("text"), maxLength }),
], { error: "must be number, integer, boolean or text" }).transform(
  (definition): ValueRule<FieldValue> => ({ definition, parse: (value) => parseField(value, definition) }),
);

type FieldDefinition =
  | { readonly type: "number" | "integer"; readonly min?: number | undefined; readonly max?: number | undefined }
  | { readonly type: "boolean" }
  | { readonly type: "text"; readonly maxLength: number };

function parseField(value: unknown, definition: FieldDefinition): FieldValue | string {
  switch (definition.type) {
    case "number":
    case "integer": {
      const { type, min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = definition;
      const isInteger = type === "integer";
      const isValid = typeof value === "number" && value >= min && value <= max &&
        (!isInteger || Number.isSafeInteger(value));
      if (isValid) return isInteger ? { kind: "integer", number: value } : { kind: "float", number: value };
      const range = definition.min === undefined && definition.max === undefined ? "" : ` from ${min} to ${max}`;
      return `must be a ${isInteger ? "whole " : ""}number${range}`;
    }
    case "boolean":
      return typeof value === "boolean" ? { kind: "boolean", flag: value } : "must be true or false";
    case "text": {
      const isValid = typeof value === "string" && value.length <= definition.maxLength && isLine(value);
      return isValid
        ? { kind: "string", text: value }
        : `must be a text of at most ${definition.maxLength} characters without control characters`;
    }
  }
}

/** Returns whether a text fits in a line: no control characters, and no half of a surrogate pair. */
function isLine(text: string): boolean {
  return isVisible(text) && text.isWellFormed();
}

/** Returns whether a text can be the value of a tag. A backslash at its end would escape the character behind it. */
function isTagValue(text: string): boolean {
  return text !== "" && isLine(text) && !text.endsWith("\\");
}

const measurement = z.strictObject({
  tags: z.record(key, tag).default({}),
  fields: z.record(key, field).refine((record) => Object.keys(record).length > 0, "must have at least one field"),
}).superRefine(({ tags, fields }, context) => {
  const twice = Object.keys(tags).find((name) => Object.hasOwn(fields, name));
  if (twice !== undefined) {
    context.addIssue({ code: "custom", path: ["fields", twice], message: "must not have the name of a tag" });
  }
}).transform(({ tags, fields }): Measurement => ({
  tags: new Map(Object.entries(tags)),
  fields: new Map(Object.entries(fields)),
}));

const schema = z.strictObject({
  measurements: z.record(key, measurement)
    .refine((record) => Object.keys(record).length > 0, "must have at least one measurement"),
}).transform(({ measurements }): ReadonlyMap<string, Measurement> => new Map(Object.entries(measurements)));

/** Measurements of a write in the section. */
export const WRITE_SCHEMA: SectionPart<ReadonlyMap<string, Measurement>> = sectionPartOf(schema);
