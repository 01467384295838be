/**
 * Rules of alerts: the events that a device is told of while it sleeps.
 *
 * @module
 */
import { z } from "zod";
import { isVisible } from "../../lib/visible.ts";
import { filterFault } from "../../mqtt/topics/rules.ts";
import type { PushNotification } from "../../protocol/push/notification.ts";
import { parseValue } from "../field_fault.ts";
import type { Condition } from "./condition.ts";
import { JSON_PATH_RULE, type JsonPath, parseJsonPath } from "./json_path.ts";
import { isTimeZone, parseTimeOfDay, type QuietHours, TIME_RULE, TIME_ZONE_RULE } from "./quiet_hours.ts";
import type { SourceKind } from "./rule_event.ts";
import { parseTemplate, type Template, TEMPLATE_RULE } from "./template.ts";

/** Source of a rule's events. */
export interface RuleSource {
  /** Kind of the source. */
  readonly kind: SourceKind;
  /** Topic filters, patterns of entities, or names of dependencies; `*` alone for all entities or all dependencies. */
  readonly select: readonly string[];
}

/** Importance of an alert, by which a device may delay it to save its battery (RFC 8030, section 5.3). */
export type Urgency = PushNotification["urgency"];

/** Rule of one key. */
export interface AlertRule {
  /** Name, one of its kind among the rules of the key. */
  readonly name: string;
  /** Source of its events. */
  readonly source: RuleSource;
  /** Path of its value in the JSON of an event; absent for the whole payload or state. */
  readonly path?: JsonPath | undefined;
  /** Condition for an alert. */
  readonly condition: Condition;
  /** Template of the title. */
  readonly title: Template;
  /** Template of the text below. */
  readonly body: Template;
  /** Importance. */
  readonly urgency: Urgency;
  /** Time for which the push service keeps an alert for a device that it cannot reach, in seconds. */
  readonly ttlSeconds: number;
  /** Name under which a newer alert replaces an undelivered older one (RFC 8030, section 5.4). */
  readonly topic?: string | undefined;
  /** Least time between two alerts of one topic or entity, in seconds. */
  readonly minIntervalSeconds: number;
  /** Time of each day without alerts. */
  readonly quietHours?: QuietHours | undefined;
  /** Names of the actions with a button, in their order. */
  readonly actions: readonly string[];
}

/** Most sources of a rule. */
const MAX_SELECT = 20;
/** Longest topic filter, in characters. */
const MAX_FILTER_LENGTH = 1000;
/** Longest template of a title, in characters. */
const MAX_TITLE_LENGTH = 200;
/** Longest template of a body, in characters. */
const MAX_BODY_LENGTH = 1000;
/** Longest text of a condition, in characters. */
const MAX_CONDITION_LENGTH = 200;
/** Most wildcards of a pattern. */
const MAX_WILDCARDS = 8;
/** Longest lifetime, in seconds: Google's service accepts no longer one. */
export const MAX_TTL_SECONDS = 28 * 24 * 60 * 60;
/** Lifetime by default, in seconds. */
const DEFAULT_TTL_SECONDS = 24 * 60 * 60;
/** Longest time between two alerts, in seconds. */
const MAX_INTERVAL_SECONDS = 7 * 24 * 60 * 60;
/** Most buttons: what Android shows. */
const MAX_ACTIONS = 3;

const NAME = /^[A-Za-z0-9][\w.\-]{0,63}$/;
const NAME_RULE = "must be 1 to 64 letters, digits, dots, dashes and underscores, first a letter or digit";
const ENTITY = /^(?:\*|(?=.{3,255}$)(?!(?:[^*]*\*){4})[a-z0-9_*]+\.[a-z0-9_*]+)$/;
const ENTITY_RULE = "must be a pattern of entities such as light.hall, light.* or *, in lower case, with at most 3 " +
  "wildcards";
const DEPENDENCY = /^(?:\*|[a-z][a-z0-9_]{0,63})$/;
const TYPE_RULE = "must be any, changed, equals, matches, above or below";

const name = z.string(NAME_RULE).regex(NAME, NAME_RULE);

/** Makes the schema of a list of texts, each of which may have a fault. */
function selectOf(faultOf: (text: string) => string | undefined) {
  const rule = `must be a list of 1 to ${MAX_SELECT} texts`;
  const one = z.string("must be a text").superRefine((text, context) => {
    const fault = faultOf(text);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });
  return z.array(one, rule).min(1, rule).max(MAX_SELECT, rule).readonly().optional();
}

const SOURCE_RULE = "must have exactly one of topics, entities and health";

const source = z.strictObject({
  topics: selectOf((text) =>
    text.length > MAX_FILTER_LENGTH ? `must have at most ${MAX_FILTER_LENGTH} characters` : filterFault(text)
  ),
  entities: selectOf((text) => ENTITY.test(text) ? undefined : ENTITY_RULE),
  health: selectOf((text) => DEPENDENCY.test(text) ? undefined : "must be the name of a dependency, or *"),
}, SOURCE_RULE).transform((given, context): RuleSource => {
  const kinds = ["topics", "entities", "health"] as const;
  const [found, ...others] = kinds.flatMap((kind) => given[kind] === undefined ? [] : { kind, select: given[kind] });
  if (found !== undefined && others.length === 0) return found;
  context.addIssue({ code: "custom", message: SOURCE_RULE });
  return z.NEVER;
});

/** Makes the schema of a text in a condition. */
function conditionText(maxWildcards: number) {
  const rule = `must be a text of at most ${MAX_CONDITION_LENGTH} characters` +
    (maxWildcards === Infinity ? "" : ` with at most ${maxWildcards} wildcards *`);
  return z.string(rule).max(MAX_CONDITION_LENGTH, rule).refine(
    (text) => text.split("*").length <= maxWildcards + 1,
    rule,
  );
}

const flag = z.boolean("must be true or false").default(false);
const number = z.number("must be a number");
const hysteresis = number.min(0, "must be at least 0").default(0);

const condition = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("any") }),
  z.strictObject({ type: z.literal("changed") }),
  z.strictObject({ type: z.literal("equals"), text: conditionText(Infinity), once: flag }),
  z.strictObject({ type: z.literal("matches"), text: conditionText(MAX_WILDCARDS), once: flag }),
  z.strictObject({ type: z.literal("above"), limit: number, hysteresis }),
  z.strictObject({ type: z.literal("below"), limit: number, hysteresis }),
], TYPE_RULE);

/** Makes the schema of a template. */
function template(maxLength: number, isValid: (text: string) => boolean) {
  const rule = `must be a text of 1 to ${maxLength} characters, without control characters`;
  return z.string(rule).min(1, rule).max(maxLength, rule).refine((text) => text.isWellFormed() && isValid(text), rule)
    .transform((text, context): Template => {
      const parsed = parseTemplate(text);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: TEMPLATE_RULE });
      return z.NEVER;
    });
}

const path = z.string(JSON_PATH_RULE).transform((text, context): JsonPath => {
  const parsed = parseJsonPath(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: JSON_PATH_RULE });
  return z.NEVER;
});

const timeOfDay = z.string(TIME_RULE).transform((text, context): number => {
  const minute = parseTimeOfDay(text);
  if (minute !== undefined) return minute;
  context.addIssue({ code: "custom", message: TIME_RULE });
  return z.NEVER;
});

const quietHours = z.strictObject({
  from: timeOfDay,
  to: timeOfDay,
  timeZone: z.string(TIME_ZONE_RULE).refine(isTimeZone, TIME_ZONE_RULE),
}, "must be an object with from, to and timeZone").refine(
  ({ from, to }) => from !== to,
  "must have two different times",
);

/** Makes the schema of a number of seconds. */
function seconds(max: number) {
  const rule = `must be a whole number of seconds from 0 to ${max}`;
  return z.int(rule).min(0, rule).max(max, rule);
}

const TOPIC_RULE = "must be 1 to 32 letters, digits, dashes and underscores";
const URGENCY_RULE = "must be very-low, low, normal or high";
const ACTIONS_RULE = `must be a list of at most ${MAX_ACTIONS} different names of actions`;

const schema = z.strictObject({
  name,
  source,
  path: path.optional(),
  condition,
  title: template(MAX_TITLE_LENGTH, isVisible),
  body: template(MAX_BODY_LENGTH, (text) => isVisible(text.replaceAll("\n", ""))).default([{ fill: "value" }]),
  urgency: z.enum(["very-low", "low", "normal", "high"], URGENCY_RULE).default("normal"),
  ttlSeconds: seconds(MAX_TTL_SECONDS).default(DEFAULT_TTL_SECONDS),
  topic: z.string(TOPIC_RULE).regex(/^[\w-]{1,32}$/, TOPIC_RULE).optional(),
  minIntervalSeconds: seconds(MAX_INTERVAL_SECONDS).default(0),
  quietHours: quietHours.optional(),
  actions: z.array(name, ACTIONS_RULE).max(MAX_ACTIONS, ACTIONS_RULE)
    .refine((names) => new Set(names).size === names.length, ACTIONS_RULE).default([]),
}, "must be an object with name, source, condition and title");

/**
 * Parses a rule, strict in every field: one that this gateway does not know would otherwise be without effect, and the
 * rule alert where it must not.
 *
 * @param field field of the request that has it
 * @throws {FieldError} naming the path of the field that is missing or wrong
 */
export function parseRule(value: unknown, field = "rule"): AlertRule {
  return parseValue<AlertRule>(schema, value, field);
}
