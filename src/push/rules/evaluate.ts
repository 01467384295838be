/**
 * Evaluation of a rule with an event.
 *
 * @module
 */
import { cutText } from "../../lib/cut_text.ts";
import { visible, visibleLine } from "../../lib/visible.ts";
import { type ConditionState, type ConditionTest, createConditionTest } from "./condition.ts";
import { jsonText, valueAt } from "./json_path.ts";
import { isQuiet } from "./quiet_hours.ts";
import type { AlertRule, Urgency } from "./rule.ts";
import { MAX_TEXT_LENGTH, type RuleEvent } from "./rule_event.ts";
import { fillTemplate } from "./template.ts";

/** Alert for the device of a key. */
export interface Alert {
  /** Name of the rule. */
  readonly rule: string;
  /** Topic, entity or dependency that it is about. */
  readonly subject: string;
  /** Title, in one line. */
  readonly title: string;
  /** Text below. */
  readonly body: string;
  /** Importance. */
  readonly urgency: Urgency;
  /** Lifetime, in seconds. */
  readonly ttlSeconds: number;
  /** Name under which it replaces an undelivered older one. */
  readonly topic?: string | undefined;
  /** Names of the actions with a button. */
  readonly actions: readonly string[];
  /** Time of the event, in milliseconds since 1970. */
  readonly at: number;
}

/** Reason for which a due alert is not sent. */
export type HeldReason = "interval" | "quiet";

/** Result of an evaluation. */
export interface Evaluation {
  /** State for the next event of the same topic or entity. The same object where nothing changed. */
  readonly state: ConditionState;
  /** Makes the alert to send: filling in its texts is work that a key beyond its rate must not cause. */
  readonly alert?: () => Alert;
  /** Reason for which there is none although one was due. */
  readonly held?: HeldReason;
}

/** Rule that is ready to be evaluated. */
export interface PreparedRule {
  /** The rule. */
  readonly rule: AlertRule;
  /** Test of its condition. */
  readonly test: ConditionTest;
}

/** Longest title, in UTF-16 code units: no device shows more. */
const MAX_FILLED_TITLE = 250;
/** Longest body, in UTF-16 code units. */
const MAX_FILLED_BODY = 3000;

/** Prepares a rule for many evaluations. */
export function prepareRule(rule: AlertRule): PreparedRule {
  return { rule, test: createConditionTest(rule.condition) };
}

/**
 * Evaluates a rule with an event of its source. An alert that is held back is not sent later by itself; but the condition
 * stays due, so that the next event that fulfils it makes one.
 *
 * @param state state of the rule for the event's topic or entity; undefined for the first event
 * @param now the time, in milliseconds since 1970
 */
export function evaluateRule(
  { rule, test }: PreparedRule,
  state: ConditionState | undefined,
  event: RuleEvent,
  now: number,
): Evaluation {
  const value = valueOf(rule, event);
  const { isDue, ifHeld, ifSent } = test(value, state, { isRetained: event.isRetained });
  if (!isDue) return { state: ifHeld };
  const held = heldReason(rule, ifHeld, now);
  if (held !== undefined) return { state: ifHeld, held };
  const next = rule.minIntervalSeconds === 0 ? ifSent : { ...ifSent, alertedAt: now };
  return { state: next, alert: () => makeAlert(rule, { event, value, now }) };
}

/** Returns the value that a rule considers; undefined if the event does not have it. */
function valueOf({ path }: AlertRule, event: RuleEvent): string | undefined {
  const value = path === undefined ? event.text : jsonText(valueAt(event.json, path));
  return value !== undefined && value.length <= MAX_TEXT_LENGTH ? value : undefined;
}

function heldReason(rule: AlertRule, { alertedAt }: ConditionState, now: number): HeldReason | undefined {
  const elapsed = alertedAt === undefined ? Infinity : now - alertedAt;
  // A clock that was set back tells nothing of the time since then.
  if (elapsed >= 0 && elapsed < rule.minIntervalSeconds * 1000) return "interval";
  return rule.quietHours !== undefined && isQuiet(rule.quietHours, now) ? "quiet" : undefined;
}

function makeAlert(
  { name, title, body, urgency, ttlSeconds, topic, actions }: AlertRule,
  { event, value, now }: {
    readonly event: RuleEvent;
    readonly value: string | undefined;
    readonly now: number;
  },
): Alert {
  const filled = { event, value };
  return {
    rule: name,
    subject: event.subject,
    title: cutText(visibleLine(fillTemplate(title, filled)).toWellFormed(), MAX_FILLED_TITLE),
    body: cutText(visible(fillTemplate(body, filled)).toWellFormed(), MAX_FILLED_BODY),
    urgency,
    ttlSeconds,
    ...topic === undefined ? {} : { topic },
    actions,
    at: now,
  };
}
