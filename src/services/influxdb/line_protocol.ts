/**
 * Line protocol: the text form of a point.
 *
 * @module
 */
import type { FieldValue } from "./write_schema.ts";

/** A point: values at a time. */
export interface Point {
  /** Name of its measurement. */
  readonly measurement: string;
  /** Tags, by name; their values do not end with a backslash. */
  readonly tags: readonly (readonly [name: string, value: string])[];
  /** Fields, by name; at least one. */
  readonly fields: readonly (readonly [name: string, value: FieldValue])[];
  /** Time, in milliseconds since 1970. */
  readonly ms: number;
}

/** Formats a point as a line, with its time in milliseconds. No text in it may have a control character. */
export function formatLine({ measurement, tags, fields, ms }: Point): string {
  const head = [escapeName(measurement), ...tags.map(([name, value]) => `${escapeKey(name)}=${escapeKey(value)}`)];
  const values = fields.map(([name, value]) => `${escapeKey(name)}=${formatField(value)}`);
  return `${head.join(",")} ${values.join(",")} ${ms}`;
}

function formatField(value: FieldValue): string {
  switch (value.kind) {
    case "float":
      return String(value.number);
    case "integer":
      return `${value.number}i`;
    case "boolean":
      return String(value.flag);
    case "string":
      return `"${value.text.replace(/[\\"]/g, "\\$&")}"`;
  }
}

function escapeName(name: string): string {
  return name.replace(/[, ]/g, "\\$&");
}

/** Escapes the name of a tag or a field, or the value of a tag. */
function escapeKey(text: string): string {
  return text.replace(/[,= ]/g, "\\$&");
}
