/**
 * Faults in the fields of requests, with their whole paths: the fields of push are nested.
 *
 * @module
 */
import type { z } from "zod";
import { FieldError } from "../protocol/payload.ts";

/**
 * Parses a value with a schema.
 *
 * @param name field of the request that has the value
 * @throws {FieldError} naming the path of the value that is missing or wrong, and the rule
 */
export function parseValue<Output>(schema: z.ZodType<Output>, value: unknown, name: string): Output {
  const { data, error, success } = schema.safeParse(value, { reportInput: true });
  if (success) return data;
  const [issue] = error.issues;
  if (issue === undefined) throw fieldFault([name], "is not understood");
  const path = [name, ...issue.path.map(String)];
  if (issue.code === "unrecognized_keys") throw fieldFault([...path, issue.keys[0] ?? ""], "there is no such field");
  if (issue.input === undefined && issue.code === "invalid_type") {
    throw new FieldError(`Missing required field: ${path.join(".")}`);
  }
  throw fieldFault(path, issue.message);
}

/** Makes the error for a field by its path. */
export function fieldFault(path: readonly string[], rule: string): FieldError {
  return new FieldError(`Invalid field: ${path.join(".")}: ${rule}`);
}
