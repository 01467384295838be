/**
 * Payloads of requests: the fields of each kind of request, and errors that name a wrong one.
 *
 * Unknown fields are ignored, so that a newer client can use an older gateway; `null` in an optional field means absent,
 * as clients in several languages send it.
 *
 * @module
 */
import type { OpenedText } from "./aead.ts";
import {
  countParts,
  hasMoreValues,
  isDeeperThan,
  keepsNumbers,
  mayChangeNumbers,
  memberTexts,
  parseExact,
} from "../lib/exact_json.ts";
import { isObject, tryParseJson } from "../lib/json.ts";

/** Authenticated request: one JSON object whose fields are yet to be checked. */
export type Payload = Readonly<Record<string, unknown>>;

/** A field of a request is missing or wrong. The message names the field, and is sent to the client. */
export class FieldError extends Error {
  /** Makes the error from its message for the client. */
  constructor(message: string) {
    super(message);
    this.name = "FieldError";
  }
}

/**
 * Parses an opened plaintext.
 *
 * @throws {FieldError} if it is anything but one JSON object, a message that the gateway itself sealed, or has too many
 *   objects, lists and members
 */
export function parsePayload(text: OpenedText): Payload {
  if (text.length > MAX_PARTS && countParts(text) > MAX_PARTS) {
    throw new FieldError(`Payload must hold at most ${MAX_PARTS} objects, lists and members`);
  }
  const value = tryParseJson(text);
  if (!isObject(value)) throw new FieldError("Payload must be one JSON object");
  if (isOwnMessage(value)) throw new FieldError("Payload is a message of the gateway, not a request");
  return value;
}

/** Most levels of lists and objects in a field. PHP reads 512 in all; V8's stack holds some thousand. */
const MAX_FIELD_DEPTH = 255;

/**
 * Most objects, lists and members in a request. An object takes some 56 bytes of memory and can be written with three; a
 * member with a name of its own takes some 10 µs to parse.
 */
const MAX_PARTS = 20_000;

/**
 * Most values in a field with a number whose digits are kept: parsing them takes some 20 ms, a hundred times as long as
 * with plain numbers, and every other request waits.
 */
const MAX_EXACT_VALUES = 10_000;

/** Fields that are passed to a service as the client wrote them. */
const PASSED_ON = ["params", "message", "body", "data"] as const;

/**
 * Keeps the digits of the numbers in the fields that are passed on. The gateway itself reads all other fields, as
 * ordinary numbers.
 *
 * Slow, so only for requests that may run, not for replays or requests over their rate limit.
 *
 * @param text text that the payload was parsed from
 * @throws {FieldError} if one of them has too many values
 */
export function keepDigits(payload: Payload, text: OpenedText): Payload {
  const withNumbers = PASSED_ON.filter((field) => mayHoldNumbers(payload[field]));
  // Refused later for its depth, whatever its numbers.
  if (withNumbers.length === 0 || !mayChangeNumbers(text) || isDeeperThan(MAX_FIELD_DEPTH + 1, payload)) return payload;
  const texts = memberTexts(text);
  const kept = withNumbers.flatMap((field) => {
    const source = texts.get(field);
    const value = payload[field];
    if (source === undefined || !mayChangeNumbers(source)) return [];
    // Refused later: these must be objects.
    if ((field === "params" || field === "data") && !isObject(value)) return [];
    if (!hasMoreValues(MAX_EXACT_VALUES, value)) return [[field, parseExact(source)]];
    if (keepsNumbers(source, value)) return [];
    throw new FieldError(
      `Invalid field: ${field}: must hold at most ${MAX_EXACT_VALUES} values, for numbers such as 1.0 or with more ` +
        "than 15 digits to be kept",
    );
  });
  return kept.length === 0 ? payload : { ...payload, ...Object.fromEntries(kept) };
}

function mayHoldNumbers(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "object" && value !== null);
}

/** Schema of the fields of a request. */
export interface FieldsSchema<T> {
  /** Parses a payload. */
  safeParse(payload: Payload):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly FieldIssue[] } };
}

/** A fault in a field. */
export interface FieldIssue {
  /** Path of the faulty value, which begins with the field. */
  readonly path: readonly PropertyKey[];
  /** Rule that the value does not follow. */
  readonly message: string;
}

/**
 * Parses the fields of a request.
 *
 * @param required fields that must be there, and not empty
 * @param mayBeEmpty those of them for which an empty text and `null` are values
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseFields<T>(
  schema: FieldsSchema<T>,
  payload: Payload,
  { required, mayBeEmpty = [] }: { readonly required: readonly string[]; readonly mayBeEmpty?: readonly string[] },
): T {
  const tooDeep = Object.keys(payload).find((field) => isDeeperThan(MAX_FIELD_DEPTH, payload[field]));
  if (tooDeep !== undefined) {
    throw new FieldError(`Invalid field: ${tooDeep}: must be nested at most ${MAX_FIELD_DEPTH} levels deep`);
  }
  for (const field of required) {
    const value = payload[field];
    const isEmpty = value === null || value === "";
    const isMissing = value === undefined || (isEmpty && !mayBeEmpty.includes(field));
    if (isMissing) throw new FieldError(`Missing required field: ${field}`);
  }
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path[0] ?? "payload";
  throw new FieldError(`Invalid field: ${String(field)}: ${issue?.message ?? "not understood"}`);
}

/**
 * Recognizes a message that the gateway itself sealed: an answer or an event. In version 1 only its fields differ from a
 * request's, and an attacker could send it back as one.
 */
function isOwnMessage(payload: Payload): boolean {
  return typeof payload["type"] === "string" || ("status" in payload && "body" in payload);
}
