/**
 * Options of `push rules add`: the parts of a rule.
 *
 * @module
 */
import type { PushRule, PushRuleCondition, PushRuleSource } from "../../client/gateway_client.ts";
import { type Args, type Options, UsageError } from "../args.ts";

/** The options. */
export const RULE_OPTIONS = {
  topic: { type: "string", value: "FILTER", multiple: true, description: "Source: topic filter (several)" },
  entity: { type: "string", value: "PATTERN", multiple: true, description: "Source: entities (several), light.*" },
  health: { type: "string", value: "NAME", multiple: true, description: "Source: dependencies (several), broker or *" },
  path: { type: "string", value: "PATH", description: "Value in the JSON of an event, $.battery" },
  changed: { type: "boolean", default: false, description: "Condition: the value differs from the last one" },
  equals: { type: "string", value: "TEXT", description: "Condition: the value is a text" },
  matches: { type: "string", value: "PATTERN", description: "Condition: the value has a form, open*" },
  above: { type: "string", value: "NUMBER", description: "Condition: the value rises above a limit" },
  below: { type: "string", value: "NUMBER", description: "Condition: the value falls below a limit" },
  hysteresis: { type: "string", value: "NUMBER", description: "Distance back from the limit before the next alert" },
  once: { type: "boolean", default: false, description: "For --equals, --matches: not again until another" },
  title: { type: "string", value: "TEXT", description: "Title, which may have {value}, {topic}, {$.path}" },
  body: { type: "string", value: "TEXT", description: "Text below; without it {value}" },
  urgency: { type: "string", value: "LEVEL", description: "very-low, low, normal or high" },
  ttl: { type: "string", value: "SEC", description: "Seconds for which an unreached device gets it later" },
  replace: { type: "string", value: "NAME", description: "A newer alert of this name replaces an undelivered one" },
  "min-interval": { type: "string", value: "SEC", description: "Least seconds between two alerts of one topic" },
  quiet: { type: "string", value: "FROM-TO", description: "Time of each day without alerts: 22:00-07:00" },
  "time-zone": { type: "string", value: "ZONE", description: "Zone of --quiet; without it this machine's" },
  action: { type: "string", value: "NAME", multiple: true, description: "Action with a button (several)" },
} as const satisfies Options;

/** Values of these options. */
export type RuleValues = Args<typeof RULE_OPTIONS>["values"];

/**
 * Makes a rule from options. The gateway checks the rest.
 *
 * @throws {UsageError} if there is not one source and at most one condition, or no title
 */
export function ruleFromOptions(name: string, values: RuleValues): PushRule {
  const { title, body, path, urgency, ttl, replace, "min-interval": minInterval, action } = values;
  if (title === undefined) throw new UsageError("--title is missing");
  return {
    name,
    source: sourceOf(values),
    condition: conditionOf(values),
    title,
    ...body !== undefined && { body },
    ...path !== undefined && { path },
    ...urgency !== undefined && { urgency: urgencyOf(urgency) },
    ...ttl !== undefined && { ttlSeconds: numberOf("ttl", ttl) },
    ...replace !== undefined && { topic: replace },
    ...minInterval !== undefined && { minIntervalSeconds: numberOf("min-interval", minInterval) },
    ...quietHoursOf(values),
    ...action !== undefined && { actions: action },
  };
}

function sourceOf({ topic, entity, health }: RuleValues): PushRuleSource {
  const sources: readonly PushRuleSource[] = [
    ...topic === undefined ? [] : [{ topics: topic }],
    ...entity === undefined ? [] : [{ entities: entity }],
    ...health === undefined ? [] : [{ health }],
  ];
  const [source, ...others] = sources;
  if (source === undefined || others.length > 0) throw new UsageError("Give one of --topic, --entity and --health");
  return source;
}

function conditionOf(values: RuleValues): PushRuleCondition {
  const { changed, equals, matches, above, below, once, hysteresis } = values;
  const distance = hysteresis === undefined ? {} : { hysteresis: numberOf("hysteresis", hysteresis) };
  const conditions: readonly PushRuleCondition[] = [
    ...changed ? [{ type: "changed" as const }] : [],
    ...equals === undefined ? [] : [{ type: "equals" as const, text: equals, ...once && { once } }],
    ...matches === undefined ? [] : [{ type: "matches" as const, text: matches, ...once && { once } }],
    ...above === undefined ? [] : [{ type: "above" as const, limit: numberOf("above", above), ...distance }],
    ...below === undefined ? [] : [{ type: "below" as const, limit: numberOf("below", below), ...distance }],
  ];
  const [condition = { type: "any" as const }, ...others] = conditions;
  if (others.length > 0) throw new UsageError("Give one of --changed, --equals, --matches, --above and --below");
  if (once && condition.type !== "equals" && condition.type !== "matches") {
    throw new UsageError("--once needs --equals or --matches");
  }
  if (hysteresis !== undefined && condition.type !== "above" && condition.type !== "below") {
    throw new UsageError("--hysteresis needs --above or --below");
  }
  return condition;
}

function quietHoursOf({ quiet, "time-zone": zone }: RuleValues): Pick<PushRule, "quietHours"> {
  if (quiet === undefined) {
    if (zone !== undefined) throw new UsageError("--time-zone needs --quiet");
    return {};
  }
  const [from, to, ...more] = quiet.split("-");
  if (from === undefined || to === undefined || more.length > 0) {
    throw new UsageError("--quiet must be FROM-TO: 22:00-07:00");
  }
  return { quietHours: { from, to, timeZone: zone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone } };
}

function urgencyOf(text: string): NonNullable<PushRule["urgency"]> {
  if (text === "very-low" || text === "low" || text === "normal" || text === "high") return text;
  throw new UsageError("--urgency must be very-low, low, normal or high");
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) throw new UsageError(`--${option} must be a number`);
  return number;
}
