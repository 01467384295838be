/**
 * Rule as its form has it.
 *
 * @module
 */
import type { PushRule, PushRuleCondition, PushRuleSource } from "@e2e-gateway/client";

/** Kinds of sources. */
export const SOURCE_KINDS = ["topics", "entities", "health"] as const;

/** Kind of a source. */
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** Kinds of conditions. */
export const CONDITIONS = ["any", "changed", "equals", "matches", "above", "below"] as const;

/** Kind of a condition. */
export type ConditionType = (typeof CONDITIONS)[number];

/** Levels of importance. */
export const URGENCIES = ["very-low", "low", "normal", "high"] as const;

/** Level of importance. */
export type Urgency = (typeof URGENCIES)[number];

/** Rule that is being written; numbers are texts, as a field can be empty. */
export interface RuleDraft {
  /** Kind of the source. */
  readonly kind: SourceKind;
  /** Topics, entities or dependencies; empty ones are left out. */
  readonly select: readonly string[];
  /** Path of the value in JSON; empty for all of it. */
  readonly path: string;
  /** Kind of the condition. */
  readonly condition: ConditionType;
  /** Text or pattern of the condition. */
  readonly text: string;
  /** True for only the first of several such values. */
  readonly once: boolean;
  /** Limit of the condition. */
  readonly limit: string;
  /** Distance that the value must go back before the next alert. */
  readonly hysteresis: string;
  /** Template of the title. */
  readonly title: string;
  /** Template of the text; empty for the value. */
  readonly body: string;
  /** Importance. */
  readonly urgency: Urgency;
  /** Least time between two alerts, in minutes; empty for none. */
  readonly minutes: string;
  /** True if there are quiet hours. */
  readonly isQuiet: boolean;
  /** Beginning of the quiet hours. */
  readonly from: string;
  /** Their end. */
  readonly to: string;
  /** Names of actions with a button. */
  readonly actions: readonly string[];
}

/** Returns the draft of a new rule. */
export function newDraft(kind: SourceKind): RuleDraft {
  return {
    ...{ kind, select: [""], path: "", condition: "changed", text: "", once: true, limit: "", hysteresis: "" },
    ...{ title: "", body: "", urgency: "normal", minutes: "", isQuiet: false, from: "22:00", to: "07:00", actions: [] },
  };
}

/** Returns the draft of a rule. */
export function draftOf(rule: PushRule): RuleDraft {
  const { source, path = "", condition, title, body = "", urgency = "normal", minIntervalSeconds = 0 } = rule;
  const kind = SOURCE_KINDS.find((kind) => kind in source) ?? "topics";
  const minutes = minIntervalSeconds === 0 ? "" : String(minIntervalSeconds / 60);
  return {
    ...newDraft(kind),
    ...{ select: selectOf(source), path, title, body, urgency, minutes, actions: rule.actions ?? [] },
    condition: condition.type,
    ...condition.type === "equals" || condition.type === "matches"
      ? { text: condition.text, once: condition.once ?? false }
      : {},
    ...condition.type === "above" || condition.type === "below"
      ? { limit: String(condition.limit), hysteresis: String(condition.hysteresis ?? "") }
      : {},
    ...rule.quietHours === undefined ? {} : { isQuiet: true, from: rule.quietHours.from, to: rule.quietHours.to },
  };
}

/** Returns what a source selects. */
export function selectOf(source: PushRuleSource): readonly string[] {
  return "topics" in source ? source.topics : "entities" in source ? source.entities : source.health;
}

/**
 * Returns the rule of a draft. What the form does not have stays as it is in the rule that is changed.
 *
 * @param options `rule` is changed, absent for a new one; `names` are those of all rules of the key
 */
export function ruleOf(
  draft: RuleDraft,
  { rule, names, timeZone }: {
    readonly rule?: PushRule | undefined;
    readonly names: readonly string[];
    readonly timeZone: string;
  },
): PushRule {
  const { path, title, body, urgency, minutes, isQuiet, from, to, actions } = draft;
  const { ttlSeconds, topic, quietHours } = rule ?? {};
  return {
    name: rule?.name ?? newName(title, names),
    source: sourceOf(draft),
    ...path.trim() === "" ? {} : { path: path.trim() },
    condition: conditionOf(draft),
    title,
    ...body === "" ? {} : { body },
    urgency,
    ...ttlSeconds === undefined ? {} : { ttlSeconds },
    ...topic === undefined ? {} : { topic },
    ...minutes.trim() === "" ? {} : { minIntervalSeconds: Math.round(Number(minutes) * 60) },
    ...isQuiet ? { quietHours: { from, to, timeZone: quietHours?.timeZone ?? timeZone } } : {},
    ...actions.length === 0 ? {} : { actions },
  };
}

function sourceOf({ kind, select }: RuleDraft): PushRuleSource {
  const chosen = select.map((text) => text.trim()).filter((text) => text !== "");
  switch (kind) {
    case "topics":
      return { topics: chosen };
    case "entities":
      return { entities: chosen };
    case "health":
      return { health: chosen };
  }
}

function conditionOf({ condition: type, text, once, limit, hysteresis }: RuleDraft): PushRuleCondition {
  switch (type) {
    case "any":
    case "changed":
      return { type };
    case "equals":
    case "matches":
      return { type, text, ...once ? { once } : {} };
    case "above":
    case "below":
      // An empty field is no number: the gateway refuses it, with the name of the field.
      return {
        type,
        limit: limit.trim() === "" ? NaN : Number(limit),
        ...hysteresis.trim() === "" ? {} : { hysteresis: Number(hysteresis) },
      };
  }
}

/** Longest name that is made of a title, in characters. */
const MAX_NAME_LENGTH = 40;

/** Makes a name that no other rule has, of a title. */
function newName(title: string, names: readonly string[]): string {
  const words = title.replace(/\{[^}]*\}/g, "").normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const name = words.split(/[^a-z0-9]+/).filter((word) => word !== "").join("-").slice(0, MAX_NAME_LENGTH);
  const first = name === "" ? "rule" : name;
  let free = first;
  for (let number = 2; names.includes(free); number += 1) free = `${first}-${number}`;
  return free;
}
