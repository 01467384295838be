/**
 * Sections of the services file by a schema of zod.
 *
 * @module
 */
import { z } from "zod";
import type { Section } from "./section.ts";

/** A schema of zod, as far as it is used: strict in every field. */
export interface Schema<Content> {
  /** Parses a value. `error` returns the text of a fault for which the schema has none. */
  safeParse(
    value: unknown,
    options?: { readonly error?: (issue: never) => unknown },
  ): ReturnType<Section<Content>["safeParse"]>;
}

/** Makes a section from its schema, with the content where the file has no such section. */
export function sectionOf<Content>(name: string, schema: Schema<Content>, empty: Content): Section<Content> {
  return { name, empty, ...sectionPartOf(schema) };
}

/** Part of a section that has its own schema. */
export type SectionPart<Content> = Required<Pick<Section<Content>, "fields" | "safeParse">>;

/** Makes a part of a section from its schema. */
export function sectionPartOf<Content>(schema: Schema<Content>): SectionPart<Content> {
  return { fields: [...fieldNames(schema)], safeParse: (value) => schema.safeParse(value, { error: ruleOf }) };
}

/** Values of each type, in words that follow "must be". */
const TYPES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a mapping",
  record: "a mapping",
  string: "a text",
};

/** Returns the rule that a value does not follow, where the schema has no text for it; undefined for zod's own text. */
function ruleOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return `${issue.input === undefined ? "is missing: it " : ""}must be ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_key":
      return issue.issues[0]?.message;
    case "invalid_value":
      return `must be one of: ${issue.values.join(", ")}`;
    case "too_small":
      return issue.origin !== "number" && issue.minimum === 1
        ? "must not be empty"
        : boundOf(issue.origin, `at least ${issue.minimum}`);
    case "too_big":
      return boundOf(issue.origin, `at most ${issue.maximum}`);
    case "invalid_union":
      return issue.input === undefined ? "is missing" : "has another form than it must have";
    default:
      return undefined;
  }
}

function boundOf(origin: string, bound: string): string {
  if (origin === "array") return `must have ${bound} entries`;
  return origin === "string" ? `must have ${bound} characters` : `must be ${bound}`;
}

/** Collects the names of the fields at every level of a schema. */
function fieldNames(schema: unknown, names = new Set<string>()): Set<string> {
  for (const [field, part] of partsOf(schema)) {
    if (field !== undefined) names.add(field);
    fieldNames(part, names);
  }
  return names;
}

/** Returns the schemas within a schema, those of an object with the names of their fields. */
function partsOf(schema: unknown): readonly (readonly [string | undefined, unknown])[] {
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape);
  if (schema instanceof z.ZodRecord) return [[undefined, schema.valueType]];
  if (schema instanceof z.ZodArray) return [[undefined, schema.element]];
  if (schema instanceof z.ZodUnion) return schema.options.map((option) => [undefined, option] as const);
  if (schema instanceof z.ZodIntersection) return [[undefined, schema.def.left], [undefined, schema.def.right]];
  if (schema instanceof z.ZodPipe) return [[undefined, schema.in]];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return [[undefined, schema.unwrap()]];
  }
  return [];
}
