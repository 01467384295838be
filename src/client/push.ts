/**
 * Push messages: subscriptions of devices, and rules of the alerts that they get while they sleep.
 *
 * @module
 */
import { isObject } from "../lib/json.ts";
import { parseNotification, type PushNotification } from "../protocol/push/notification.ts";
import type { Answer } from "./answer.ts";
import { type Fields, fieldsOf, malformed } from "./service_answer.ts";

/** Push messages of the key, as the gateway has them. Members that this client does not know are kept. */
export interface PushState {
  /** False where the gateway sends none: it has `PUSH=off`, or no usable key for push services. */
  readonly enabled: boolean;
  /** Public key of the gateway, base64url: a device subscribes at its push service with it. Absent where it sends none. */
  readonly publicKey?: string;
  /** Most subscriptions of the key. */
  readonly max: number;
  /** Most rules of the key. */
  readonly maxRules: number;
  /** Subscriptions of the key, by time of creation. */
  readonly subscriptions: readonly PushSubscriptionState[];
  /** Rules of the key, by name. */
  readonly rules: readonly PushRule[];
  /** Kinds of sources that the key may name in rules. */
  readonly sources: readonly string[];
}

/** Subscription, as the gateway describes it: without its endpoint. */
export interface PushSubscriptionState {
  /** Id, to remove or to test it by. */
  readonly id: string;
  /** Kind of the receiver. */
  readonly kind: "web" | "unifiedpush";
  /** Text for people. */
  readonly label?: string;
  /** Host of its push service. */
  readonly host: string;
  /** Time of its creation, in ISO 8601. */
  readonly created: string;
  /** Time at which the push service last accepted a message, in ISO 8601; absent for never. */
  readonly lastSuccess?: string;
  /** Time at which a message was last given up, in ISO 8601; absent for never. */
  readonly lastFailure?: string;
}

/** Subscription of this device. That of a browser has the first two members: `subscription.toJSON()`. */
export interface PushSubscriptionOptions {
  /** Address at the push service. Secret. */
  readonly endpoint: string;
  /** Keys of the device, base64url. */
  readonly keys: {
    /** Public key. */
    readonly p256dh: string;
    /** Authentication secret. */
    readonly auth: string;
  };
  /** Kind of the receiver. */
  readonly kind: "web" | "unifiedpush";
  /** Text for people, which tells one device from another. */
  readonly label?: string | undefined;
}

/** Source of a rule: topic filters, entities of Home Assistant, or names of dependencies of the gateway. */
export type PushRuleSource =
  | {
    /** Topic filters. */
    readonly topics: readonly string[];
  }
  | {
    /** Entities, such as `binary_sensor.door` or `light.*`. */
    readonly entities: readonly string[];
  }
  | {
    /** Dependencies, such as `broker`; `*` for all. */
    readonly health: readonly string[];
  };

/** Condition of a rule. */
export type PushRuleCondition =
  | {
    /** Distinguishes it: every event, or one whose value differs from the one before. */
    readonly type: "any" | "changed";
  }
  | {
    /** Distinguishes it: the value is a text, or has the form of a pattern with `*`. */
    readonly type: "equals" | "matches";
    /** Text or pattern. */
    readonly text: string;
    /** True for only the first one of several such values in a row. */
    readonly once?: boolean;
  }
  | {
    /** Distinguishes it: the value, a number, rises above a limit or falls below it. */
    readonly type: "above" | "below";
    /** Limit. */
    readonly limit: number;
    /** Distance from the limit that the value must go back before the next alert. */
    readonly hysteresis?: number;
  };

/** Rule: the events that a device is told of. */
export interface PushRule {
  /** Name, one of its kind among the rules of the key. */
  readonly name: string;
  /** Source of its events. */
  readonly source: PushRuleSource;
  /** Path of the value in the JSON of an event, such as `$.battery`. */
  readonly path?: string;
  /** Condition for an alert. */
  readonly condition: PushRuleCondition;
  /** Template of the title. */
  readonly title: string;
  /** Template of the text below; the value by default. */
  readonly body?: string;
  /** Importance; `normal` by default. */
  readonly urgency?: "very-low" | "low" | "normal" | "high";
  /** Time for which the push service keeps an alert for a device that it cannot reach, in seconds; a day by default. */
  readonly ttlSeconds?: number;
  /** Name under which a newer alert replaces an undelivered older one. */
  readonly topic?: string;
  /** Least time between two alerts of one topic or entity, in seconds. */
  readonly minIntervalSeconds?: number;
  /** Time of each day without alerts. */
  readonly quietHours?: {
    /** Beginning, such as `22:00`. */
    readonly from: string;
    /** End, such as `07:00`. */
    readonly to: string;
    /** Time zone, such as `Europe/Paris`. */
    readonly timeZone: string;
  };
  /** Names of actions that the key may run, each with a button. */
  readonly actions?: readonly string[];
}

/**
 * Parses the description of the push messages of a key.
 *
 * @throws {FailedError} if it is malformed
 */
export function parsePushState(answer: Answer): PushState {
  const fields: unknown = fieldsOf(answer, "push");
  if (!isPushState(fields)) throw malformed("push");
  return fields;
}

/**
 * Parses the id of a new subscription.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseSubscriptionId(answer: Answer): string {
  const { id } = fieldsOf(answer, "push");
  if (typeof id !== "string") throw malformed("push");
  return id;
}

/**
 * Parses the answer to a removal: whether there was something to remove.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseRemoved(answer: Answer): boolean {
  const { removed } = fieldsOf(answer, "push");
  if (typeof removed !== "boolean") throw malformed("push");
  return removed;
}

/**
 * Parses a list of alerts.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseAlerts(answer: Answer): readonly PushNotification[] {
  const { alerts } = fieldsOf(answer, "push");
  if (!Array.isArray(alerts)) throw malformed("push");
  return alerts.map((alert) => {
    const notification = parseNotification(JSON.stringify(alert));
    if (notification === undefined) throw malformed("push");
    return notification;
  });
}

function isPushState(value: unknown): value is PushState {
  if (!isObject(value)) return false;
  const { enabled, publicKey, max, maxRules, subscriptions, rules, sources } = value;
  return typeof enabled === "boolean" && ["string", "undefined"].includes(typeof publicKey) &&
    [max, maxRules].every(Number.isInteger) &&
    Array.isArray(subscriptions) && subscriptions.every(isSubscription) &&
    Array.isArray(rules) && rules.every(isRule) &&
    Array.isArray(sources) && sources.every((kind) => typeof kind === "string");
}

function isSubscription(value: unknown): value is PushSubscriptionState {
  if (!isObject(value)) return false;
  const texts: Fields = value;
  return ["id", "kind", "host", "created"].every((field) => typeof texts[field] === "string") &&
    ["label", "lastSuccess", "lastFailure"].every((field) => ["string", "undefined"].includes(typeof texts[field]));
}

function isRule(value: unknown): value is PushRule {
  return isObject(value) && typeof value["name"] === "string" && typeof value["title"] === "string" &&
    isObject(value["source"]) && isObject(value["condition"]);
}
