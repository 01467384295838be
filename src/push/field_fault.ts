/**
 * Faults in the fields of requests, with their whole paths: the fields of push are nested.
 *
 * @module
 */
import { cutText } from "../lib/cut_text.ts";
import { visibleLine } from "../lib/visible.ts";
import { FieldError, type FieldIssue } from "../protocol/payload.ts";

/** Schema of a value. */
export interface ValueSchema<Value> {
  /** Parses a value; with `reportInput`, faults have the value that is wrong. */
  safeParse(value: unknown, options: { readonly reportInput: true }):
    | { readonly success: true; readonly data: Value }
    | { readonly success: false; readonly error: { readonly issues: readonly ValueIssue[] } };
}

/** Fault in a value. */
export interface ValueIssue extends FieldIssue {
  /** Kind of the fault. */
  readonly code: string;
  /** Names of fields that do not exist. */
  readonly keys?: readonly string[];
  /** Value that is wrong. */
  readonly input?: unknown;
}

/** Longest name of an unknown field in an error, in UTF-16 code units. */
const MAX_NAME_LENGTH = 64;

/**
 * Parses a value with a schema.
 *
 * @param name field of the request that has the value
 * @throws {FieldError} naming the path of the value that is missing or wrong, and the rule
 */
export function parseValue<Value>(schema: ValueSchema<Value>, value: unknown, name: string): Value {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw fieldFault([name], "is not understood");
  const path = [name, ...issue.path.map(String)];
  const [unknown] = issue.keys ?? [];
  if (issue.code === "unrecognized_keys" && unknown !== undefined) {
    throw fieldFault([...path, cutText(visibleLine(unknown), MAX_NAME_LENGTH)], "there is no such field");
  }
  if (issue.input === undefined && issue.code === "invalid_type") {
    throw new FieldError(`Missing required field: ${path.join(".")}`);
  }
  throw fieldFault(path, issue.message);
}

/** Makes the error for a field by its path. */
export function fieldFault(path: readonly string[], rule: string): FieldError {
  return new FieldError(`Invalid field: ${path.join(".")}: ${rule}`);
}
