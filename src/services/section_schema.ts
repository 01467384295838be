/**
 * Sections of the services file by a schema of zod.
 *
 * @module
 */
import { z } from "zod";
import type { Section } from "./section.ts";

/**
 * Makes a section from its schema.
 *
 * @param schema a schema of zod, strict in every field
 * @param empty content where the file has no such section
 */
export function sectionOf<Content>(
  name: string,
  schema: Pick<Section<Content>, "safeParse">,
  empty: Content,
): Section<Content> {
  return { name, empty, fields: [...fieldNames(schema)], safeParse: (value) => schema.safeParse(value) };
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
