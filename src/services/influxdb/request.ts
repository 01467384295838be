/**
 * Fields of requests for InfluxDB.
 *
 * @module
 */
import { z } from "zod";
import { isObject } from "../../lib/json.ts";
import { FieldError, parseFields, type Payload } from "../../protocol/payload.ts";
import type { Point } from "./line_protocol.ts";
import { parseTime, TIME_RULE } from "./times.ts";
import type { Measurement, ValueRule } from "./write_schema.ts";

/** A request. */
export type InfluxRequest =
  /** Lists what the key may use. */
  | { readonly kind: "list" }
  | { readonly kind: "query"; readonly name: string; readonly params: Readonly<Record<string, unknown>> }
  | {
    readonly kind: "write";
    readonly name: string;
    readonly measurement: string;
    readonly tags: Readonly<Record<string, unknown>>;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly time?: unknown;
  };

/** Makes a field optional; `null` means absent. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const object = z.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object");

const NAME_RULE = "must be a name of at most 64 characters";

const name = z.string(NAME_RULE).min(1, NAME_RULE).max(64, NAME_RULE);

const schema = z.object({
  query: optional(name),
  write: optional(name),
  params: optional(object),
  measurement: optional(name),
  tags: optional(object),
  fields: optional(object),
  time: z.unknown().optional(),
});

/**
 * Parses the fields of a request.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseInfluxRequest(payload: Payload): InfluxRequest {
  const { query, write, params = {}, measurement, tags = {}, fields, time } = parseFields(schema, payload, {
    required: [],
  });
  if (query !== undefined && write !== undefined) {
    throw new FieldError("Invalid field: write: must not come together with query");
  }
  if (query !== undefined) return { kind: "query", name: query, params };
  if (write === undefined) return { kind: "list" };
  if (measurement === undefined) throw new FieldError("Missing required field: measurement");
  if (fields === undefined) throw new FieldError("Missing required field: fields");
  return { kind: "write", name: write, measurement, tags, fields, time };
}

/** Returns what a request is about, for the audit. */
export function targetOf({ query, write }: Payload): string | undefined {
  return [query, write].find((one) => typeof one === "string");
}

/** Longest time between now and the time of a point that is written, in milliseconds. */
const MAX_DISTANCE_MS = 31 * 86_400_000;

/**
 * Makes the point of a request that writes, from what the write allows.
 *
 * @throws {FieldError} if the measurement, a tag, a field or the time is wrong
 */
export function pointOf(
  request: InfluxRequest & { readonly kind: "write" },
  { measurements, now }: { readonly measurements: ReadonlyMap<string, Measurement>; readonly now: number },
): Point {
  const measurement = measurements.get(request.measurement);
  if (measurement === undefined) {
    throw new FieldError(`Invalid field: measurement: must be one of: ${[...measurements.keys()].join(", ")}`);
  }
  const fields = valuesOf("fields", request.fields, measurement.fields);
  if (fields.length === 0) throw new FieldError("Invalid field: fields: must have at least one field");
  return {
    measurement: request.measurement,
    tags: valuesOf("tags", request.tags, measurement.tags).map(([name, { text }]) => [name, text]),
    fields,
    ms: pointTime(request.time, now),
  };
}

function valuesOf<T extends object>(
  field: string,
  given: Readonly<Record<string, unknown>>,
  rules: ReadonlyMap<string, ValueRule<T>>,
): (readonly [string, T])[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const rule = rules.get(name);
    if (rule === undefined) {
      const names = [...rules.keys()].join(", ") || "none";
      throw new FieldError(`Invalid field: ${field}: has a name that is not allowed. There are: ${names}`);
    }
    if (value === null) return [];
    const parsed = rule.parse(value);
    if (typeof parsed === "string") throw new FieldError(`Invalid field: ${field}.${name}: ${parsed}`);
    return [[name, parsed] as const];
  });
}

function pointTime(time: unknown, now: number): number {
  if (time === undefined || time === null) return Math.round(now);
  const ms = parseTime(time, now);
  if (ms === undefined) throw new FieldError(`Invalid field: time: ${TIME_RULE}`);
  if (Math.abs(now - ms) > MAX_DISTANCE_MS) throw new FieldError("Invalid field: time: must be within 31 days of now");
  return ms;
}
