/**
 * Fields of a call to Jeedom.
 *
 * @module
 */
import { z } from "zod";
import { isObject } from "../../lib/json.ts";
import { parseFields, type Payload } from "../../protocol/payload.ts";

/** A call of one method of Jeedom's JSON-RPC API. */
export interface JeedomRequest {
  /** Name of the method. */
  readonly jsonrpc: string;
  /** Jeedom's API key, where the request brings one. */
  readonly apikey?: string | undefined;
  /** Parameters of the method. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Path of the API on the Jeedom server; its form is yet to be checked. */
  readonly endpoint?: string | undefined;
}

/** Makes a field optional; `null` means absent. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const METHOD_RULE = "must be the name of a JSON-RPC method";

const schema = z.object({
  jsonrpc: z.string(METHOD_RULE).regex(/^[\w:.\-]{1,128}$/, METHOD_RULE),
  apikey: optional(z.string("must be a string")),
  // As it is: a record of zod's would be a copy, without a member that is called __proto__.
  params: optional(z.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object")),
  endpoint: optional(z.string("must be a string")),
});

/**
 * Parses the fields of a call.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseJeedomRequest(payload: Payload): JeedomRequest {
  return parseFields(schema, payload, { required: ["jsonrpc"] });
}

/** Returns whether a text is a plain path: it cannot change the host, climb up, or carry a query. */
export function isPlainPath(text: string): boolean {
  return text.length <= 256 && /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/.test(text);
}
