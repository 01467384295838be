/** Rules and events for tests. */
import type { GrantedRule } from "../../src/push/rules/key_rules.ts";
import { type AlertRule, parseRule } from "../../src/push/rules/rule.ts";
import { type RuleEvent, TextEvent } from "../../src/push/rules/rule_event.ts";

/** The time of the first event. */
export const NOW = Date.parse("2027-01-31T12:00:00Z");

/** Makes a rule of the topic `a` with every event, unless the fields are others. */
export function ruleWith(fields: Readonly<Record<string, unknown>> = {}): AlertRule {
  return parseRule({
    name: "rule",
    source: { topics: ["a"] },
    condition: { type: "any" },
    title: "{topic}",
    ...fields,
  });
}

/** Makes a message on the topic `a`, unless the parts are others. */
export function message(text: string | undefined, parts: Partial<Omit<RuleEvent, "text" | "json">> = {}): TextEvent {
  return new TextEvent({ kind: "topics", subject: "a", isRetained: false, ...parts, text });
}

/** Makes a rule like {@linkcode ruleWith}, with its text, all of whose source is granted. */
export function granted(fields: Readonly<Record<string, unknown>> = {}): GrantedRule {
  const rule = ruleWith(fields);
  return { rule, json: JSON.stringify(fields), select: rule.source.select };
}
