/**
 * Payloads of requests: the fields of each kind of request, and errors that name a wrong one.
 *
 * Unknown fields are ignored, so that a newer client can use an older gateway; `null` in an optional field means absent,
 * as clients in several languages send it.
 *
 * @module
 */
import { z } from "zod";
import type { OpenedText } from "./aead.ts";
import { type Bytes, fromBase64 } from "./bytes.ts";
import type { Position } from "./event.ts";
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

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const utf8 = new TextEncoder();

/** Schema of a text of bounded length, in bytes of UTF-8: MQTT carries lengths in 16 bits (3.1.1, section 1.5.3). */
const text = (min: number, max: number) => {
  const rule = `must be a string of ${min} to ${max} bytes`;
  return z.string(rule).refine((value) => {
    const { length } = utf8.encode(value);
    return length >= min && length <= max && value.isWellFormed();
  }, rule);
};

const PORT_RULE = "must be a whole number from 1 to 65535";

const brokerFields = {
  "broker_host": optional(text(1, 253)),
  "broker_port": optional(z.int(PORT_RULE).min(1, PORT_RULE).max(65_535, PORT_RULE)),
  username: optional(text(0, 65_535)),
  password: optional(text(0, 65_535)),
  qos: optional(z.literal([0, 1, 2], "must be 0, 1 or 2")),
};

const jeedomRequest = z.object({
  jsonrpc: z.string("must be the name of a JSON-RPC method").regex(
    /^[\w:.\-]{1,128}$/,
    "must be the name of a JSON-RPC method",
  ),
  apikey: optional(z.string("must be a string")),
  // Unchanged: a record of zod would be a copy, without a member named __proto__.
  params: optional(z.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object")),
  endpoint: optional(z.string("must be a string")),
});

const BASE64_RULE = "must be standard base64, with padding";

const base64 = z.string(BASE64_RULE).transform((text, context): Bytes => {
  try {
    return fromBase64(text);
  } catch {
    context.addIssue({ code: "custom", message: BASE64_RULE });
    return z.NEVER;
  }
});

const publishRequest = z.object({
  ...brokerFields,
  topic: z.string("must be a string"),
  message: z.unknown().refine(
    (value) => typeof value !== "string" || value.isWellFormed(),
    "must be text without half of a surrogate pair, which UTF-8 cannot carry",
  ).optional(),
  "payload_b64": optional(base64),
  retain: optional(z.boolean("must be true or false")),
});

const TOPICS_RULE = "must be a list of at most 100 strings";

const SINCE_RULE = "must be an object with epoch, a string, and offset, a whole number from 0";

const subscribeRequest = z.object({
  ...brokerFields,
  since: optional(z.object({
    epoch: z.string(SINCE_RULE).max(64, SINCE_RULE),
    offset: z.int(SINCE_RULE).min(0, SINCE_RULE),
  }, SINCE_RULE)),
  keep: optional(z.boolean("must be true or false")),
  topic: optional(z.string("must be a string")),
  topics: optional(z.array(z.string(TOPICS_RULE), TOPICS_RULE).max(100, TOPICS_RULE)),
});

/** Call of one method of Jeedom's JSON-RPC API. */
export interface JeedomRequest {
  /** Name of the method. */
  readonly jsonrpc: string;
  /** Jeedom's API key, where the request has one. */
  readonly apikey?: string | undefined;
  /** Parameters of the method. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Path of the API on the Jeedom server; its form is yet to be checked. */
  readonly endpoint?: string | undefined;
}

/** Fields of an MQTT request for the broker and its login. */
export interface BrokerFields {
  /** Host name or address; the configured broker's when absent. */
  readonly "broker_host"?: string | undefined;
  /** TCP port. */
  readonly "broker_port"?: number | undefined;
  /** User name. */
  readonly username?: string | undefined;
  /** Password. */
  readonly password?: string | undefined;
  /** Quality of service; 0 when absent. */
  readonly qos?: 0 | 1 | 2 | undefined;
}

/** Message for an MQTT broker. */
export interface PublishRequest extends BrokerFields {
  /** Topic; its form is yet to be checked. */
  readonly topic: string;
  /** Any JSON value; absent where there are bytes. */
  readonly message?: unknown;
  /** Payload in bytes, in place of a message. */
  readonly "payload_b64"?: Bytes | undefined;
  /** True if the broker is to retain the message. */
  readonly retain?: boolean | undefined;
}

/** Subscription to the messages that match some filters. */
export interface SubscribeRequest extends BrokerFields {
  /** At least one topic filter; their form is yet to be checked. */
  readonly filters: readonly string[];
  /** Position of the last event that the client received, to resume after. */
  readonly since?: Position | undefined;
  /** True if the stream is to stay open while the broker is unreachable. */
  readonly keep?: boolean | undefined;
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

/**
 * Keeps the digits of the numbers in `params` and `message`, which are passed to a service as the client wrote them. The
 * gateway itself reads all other fields, as ordinary numbers.
 *
 * Slow, so only for requests that may run, not for replays or requests over their rate limit.
 *
 * @param text text that the payload was parsed from
 * @throws {FieldError} if one of the two has too many values
 */
export function keepDigits(payload: Payload, text: OpenedText): Payload {
  // Refused later for its depth, whatever its numbers.
  if (!mayChangeNumbers(text) || isDeeperThan(MAX_FIELD_DEPTH + 1, payload)) return payload;
  const texts = memberTexts(text);
  const kept = (["params", "message"] as const).flatMap((field) => {
    const source = texts.get(field);
    const value = payload[field];
    if (source === undefined || !mayChangeNumbers(source)) return [];
    // Refused later: params must be an object.
    if (field === "params" && !isObject(value)) return [];
    if (!hasMoreValues(MAX_EXACT_VALUES, value)) return [[field, parseExact(source)]];
    if (keepsNumbers(source, value)) return [];
    throw new FieldError(
      `Invalid field: ${field}: must hold at most ${MAX_EXACT_VALUES} values, for numbers such as 1.0 or with more ` +
        "than 15 digits to be kept",
    );
  });
  return kept.length === 0 ? payload : { ...payload, ...Object.fromEntries(kept) };
}

/**
 * Parses the fields of a Jeedom call.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseJeedomRequest(payload: Payload): JeedomRequest {
  return parseFields(jeedomRequest, payload, ["jsonrpc"]);
}

/**
 * Parses the fields of an MQTT publish request.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parsePublishRequest(payload: Payload): PublishRequest {
  const hasBytes = payload["payload_b64"] !== undefined && payload["payload_b64"] !== null;
  if (hasBytes && payload["message"] !== undefined) {
    throw new FieldError("Invalid field: payload_b64: must not come together with message");
  }
  return parseFields(publishRequest, payload, hasBytes ? ["topic"] : ["topic", "message"]);
}

/**
 * Parses the fields of a subscribe request, and joins `topic` and `topics` into one list without duplicates.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseSubscribeRequest(payload: Payload): SubscribeRequest {
  const { topic, topics = [], ...rest } = parseFields(subscribeRequest, payload, []);
  const filters = [...new Set([...topic ? [topic] : [], ...topics])];
  if (filters.length === 0) throw new FieldError("Missing required field: topic");
  return { ...rest, filters };
}

function parseFields<T extends z.ZodType>(schema: T, payload: Payload, required: readonly string[]): z.output<T> {
  const tooDeep = Object.keys(payload).find((field) => isDeeperThan(MAX_FIELD_DEPTH, payload[field]));
  if (tooDeep !== undefined) {
    throw new FieldError(`Invalid field: ${tooDeep}: must be nested at most ${MAX_FIELD_DEPTH} levels deep`);
  }
  for (const field of required) {
    const value = payload[field];
    // An empty message or null is a message: it clears a retained one.
    const isMissing = value === undefined || (field !== "message" && (value === null || value === ""));
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
