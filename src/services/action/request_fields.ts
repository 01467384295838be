/**
 * Fields of requests for actions.
 *
 * @module
 */
import { z } from "zod";
import { parseFields, type Payload } from "../../protocol/payload.ts";
import { ENTRY_NAME_RULE, isEntryName } from "../entry_names.ts";

/** Request to run an action, or to list them. */
export interface ActionCall {
  /** Name of the action to run; undefined to list those that the key may run. */
  readonly name?: string | undefined;
  /** Values of its parameters; yet to be checked. */
  readonly params?: unknown;
}

const schema = z.object({
  name: z.string(ENTRY_NAME_RULE).refine(isEntryName, ENTRY_NAME_RULE).nullish().transform((name) => name ?? undefined),
  params: z.unknown().optional(),
});

/**
 * Parses the fields of a request.
 *
 * @throws {FieldError} naming the field that is wrong
 */
export function parseActionCall(payload: Payload): ActionCall {
  return parseFields(schema, payload, { required: [] });
}
