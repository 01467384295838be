/**
 * Fields of requests that publish and subscribe.
 *
 * @module
 */
import { z } from "zod";
import { type Bytes, fromBase64 } from "../../protocol/bytes.ts";
import { FieldError, parseFields, type Payload } from "../../protocol/payload.ts";
import { parseStreamFields, type StreamFields } from "../stream_fields.ts";

/** Fields that name a broker, and a login for it. */
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

/** One message for a broker. */
export interface PublishRequest extends BrokerFields {
  /** The topic; its form is yet to be checked. */
  readonly topic: string;
  /** Any JSON value; absent where there are bytes. */
  readonly message?: unknown;
  /** The payload's bytes, in place of a message. */
  readonly "payload_b64"?: Bytes | undefined;
  /** True if the broker is to retain the message. */
  readonly retain?: boolean | undefined;
}

/** A stream of the messages that match some filters. */
export interface SubscribeRequest extends BrokerFields, Partial<StreamFields> {
  /** At least one topic filter; their form is yet to be checked. */
  readonly filters: readonly string[];
}

/** A request for the message that a broker retains on a topic. */
export interface RetainedRequest extends BrokerFields {
  /** The topic; its form is yet to be checked. */
  readonly retained: string;
}

/** Makes a field optional; `null` means absent. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const utf8 = new TextEncoder();

/** A text of bounded length, in bytes of UTF-8: MQTT carries lengths in 16 bits (3.1.1, section 1.5.3). */
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

const BASE64_RULE = "must be standard base64, with padding";

const base64 = z.string(BASE64_RULE).transform((encoded, context): Bytes => {
  try {
    return fromBase64(encoded);
  } catch {
    context.addIssue({ code: "custom", message: BASE64_RULE });
    return z.NEVER;
  }
});

const publishSchema = z.object({
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

const subscribeSchema = z.object({
  ...brokerFields,
  topic: optional(z.string("must be a string")),
  topics: optional(z.array(z.string(TOPICS_RULE), TOPICS_RULE).max(100, TOPICS_RULE)),
});

/**
 * Parses the fields of a request that publishes.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parsePublishRequest(payload: Payload): PublishRequest {
  const hasBytes = payload["payload_b64"] !== undefined && payload["payload_b64"] !== null;
  if (hasBytes && payload["message"] !== undefined) {
    throw new FieldError("Invalid field: payload_b64: must not come together with message");
  }
  return parseFields(publishSchema, payload, {
    required: hasBytes ? ["topic"] : ["topic", "message"],
    // An empty message and one of null are messages: they clear what a broker retains.
    mayBeEmpty: ["message"],
  });
}

const retainedSchema = z.object({ ...brokerFields, retained: z.string("must be a topic") });

/** Returns whether a request is for a retained message: with a topic it publishes, as unknown fields are ignored there. */
export function isRetainedRequest({ retained, topic }: Payload): boolean {
  const isGiven = (field: unknown) => field !== undefined && field !== null;
  return isGiven(retained) && !isGiven(topic);
}

/**
 * Parses the fields of a request for a retained message.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseRetainedRequest(payload: Payload): RetainedRequest {
  return parseFields(retainedSchema, payload, { required: ["retained"] });
}

/**
 * Parses the fields of a request that subscribes, and joins `topic` and `topics` into one list without repeats.
 *
 * @throws {FieldError} naming the field that is missing or wrong
 */
export function parseSubscribeRequest(payload: Payload): SubscribeRequest {
  const { topic, topics = [], ...rest } = parseFields(subscribeSchema, payload, { required: [] });
  const filters = [...new Set([...topic ? [topic] : [], ...topics])];
  if (filters.length === 0) throw new FieldError("Missing required field: topic");
  return { ...rest, ...parseStreamFields(payload), filters };
}

/** Returns the topics that a request names, for the audit: they are yet to be checked. */
export function topicsOf({ topic, topics, retained }: Payload): string | undefined {
  // Each publish, without a list for one topic.
  if (topics === undefined && retained === undefined) return typeof topic === "string" ? topic : undefined;
  const named = [topic, ...Array.isArray(topics) ? topics : [], retained].filter((name) => typeof name === "string");
  return named.length === 0 ? undefined : named.join(" ");
}
