/**
 * Requests of the push service: one operation each.
 *
 * @module
 */
import { z } from "zod";
import { type AlertRule, parseRule } from "../../push/rules/rule.ts";
import { fieldFault, parseValue } from "../../push/field_fault.ts";
import type { Payload } from "../../protocol/payload.ts";

/** Names of the fields that choose an operation. */
export const OPERATIONS = ["subscribe", "remove", "test", "rule", "removeRule", "alerts"] as const;

/** Name of an operation. */
export type OperationName = (typeof OPERATIONS)[number];

/** Operation of a request. */
export type PushOperation =
  | {
    /** Distinguishes it: describes what the key has. */
    readonly type: "list";
  }
  | {
    /** Distinguishes it: adds a subscription. */
    readonly type: "subscribe";
    /** Subscription, which is yet to be parsed. */
    readonly subscription: unknown;
  }
  | {
    /** Distinguishes it: removes a subscription, or tests it. */
    readonly type: "remove" | "test";
    /** Id of the subscription. */
    readonly id: string;
  }
  | {
    /** Distinguishes it: adds or replaces a rule. */
    readonly type: "rule";
    /** The rule. */
    readonly rule: AlertRule;
    /** The rule as the client sent it, as JSON text. */
    readonly json: string;
  }
  | {
    /** Distinguishes it: removes a rule. */
    readonly type: "removeRule";
    /** Name of the rule. */
    readonly name: string;
  }
  | {
    /** Distinguishes it: lists recent alerts. */
    readonly type: "alerts";
    /** Time after which they were made, in milliseconds since 1970. */
    readonly since: number;
  };

/** Longest id or name of a request, in characters: no stored one is longer. */
const MAX_NAME_LENGTH = 64;

const NAME_RULE = `must be a text of 1 to ${MAX_NAME_LENGTH} characters`;
const SINCE_RULE = "must be a number of seconds since 1970";

const nameSchema = z.string(NAME_RULE).min(1, NAME_RULE).max(MAX_NAME_LENGTH, NAME_RULE);

const alertsSchema = z.object({
  since: z.number(SINCE_RULE).min(0, SINCE_RULE).nullish().transform((seconds) => seconds ?? 0),
}, 'must be an object, such as {"since":1796032800}');

/** Returns the name of a request's operation: the first one that it has. */
export function operationName(payload: Payload): OperationName | undefined {
  return OPERATIONS.find((name) => isGiven(payload[name]));
}

/**
 * Parses a request.
 *
 * @throws {FieldError} if it has several operations, or a field of its operation is missing or wrong
 */
export function parseOperation(payload: Payload): PushOperation {
  const type = operationName(payload);
  const second = OPERATIONS.find((name) => name !== type && isGiven(payload[name]));
  if (second !== undefined) throw fieldFault([second], `must not be in a request with ${type}`);
  switch (type) {
    case undefined:
      return { type: "list" };
    case "subscribe":
      return { type, subscription: payload[type] };
    case "remove":
    case "test":
      return { type, id: parseValue<string>(nameSchema, payload[type], type) };
    case "rule":
      return { type, rule: parseRule(payload[type], type), json: JSON.stringify(payload[type]) };
    case "removeRule":
      return { type, name: parseValue<string>(nameSchema, payload[type], type) };
    case "alerts":
      return { type, since: parseValue<{ since: number }>(alertsSchema, payload[type], type).since * 1000 };
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
