/**
 * The rules of one key, with their states.
 *
 * @module
 */
import { type Alert, evaluateRule, type HeldReason, type PreparedRule, prepareRule } from "./evaluate.ts";
import type { AlertRule } from "./rule.ts";
import type { RuleEvent } from "./rule_event.ts";
import { RuleIndex } from "./rule_index.ts";
import { ruleHash, RuleStates, subjectName } from "./rule_states.ts";

/** Rule of a key, and its text. */
export interface KeyRule {
  /** The rule. */
  readonly rule: AlertRule;
  /** The rule as it is stored: another text is another rule, whose states begin anew. */
  readonly json: string;
}

/** Rule that the key may have, as far as its rights reach. */
export interface GrantedRule extends KeyRule {
  /** Part of what its source selects that the key may receive. */
  readonly select: readonly string[];
}

/** Results of one event. */
export interface RuleResults {
  /** Functions that make the alerts to send. */
  readonly alerts: readonly (() => Alert)[];
  /** Reasons for which due alerts are not sent. */
  readonly held: readonly HeldReason[];
  /** True if the state of a rule is another one. */
  readonly isChanged: boolean;
}

const NOTHING: RuleResults = { alerts: [], held: [], isChanged: false };

interface IndexedRule {
  readonly hash: string;
  readonly prepared: PreparedRule;
}

/** Rules of one key. */
export class KeyRules {
  readonly #states: RuleStates;
  #rules: ReadonlyMap<string, IndexedRule> = new Map();
  #index = new RuleIndex<IndexedRule>();

  /** Makes it without rules, with the states of those to come. */
  constructor(states: RuleStates = new RuleStates()) {
    this.#states = states;
  }

  /** Replaces all rules, of which no two have the same name. A rule with the same text as before keeps its states. */
  set(rules: readonly GrantedRule[]): void {
    const before = this.#rules;
    this.#rules = new Map(rules.map(({ rule, json }) => {
      const hash = ruleHash(json);
      return [hash, before.get(hash) ?? { hash, prepared: prepareRule(rule) }];
    }));
    this.#index = new RuleIndex();
    for (const { rule: { source }, json, select } of rules) {
      const indexed = this.#rules.get(ruleHash(json));
      if (indexed !== undefined && select.length > 0) this.#index.add(indexed, { kind: source.kind, select });
    }
  }

  /**
   * Evaluates the rules that an event concerns.
   *
   * @param now the time, in milliseconds since 1970
   */
  receive(event: RuleEvent, now: number): RuleResults {
    const matches = this.#index.match(event);
    if (matches.size === 0) return NOTHING;
    const alerts: (() => Alert)[] = [];
    const held: HeldReason[] = [];
    let isChanged = false;
    const subject = subjectName(event.subject);
    for (const { hash, prepared } of matches) {
      const before = this.#states.get(hash, subject);
      const { state, alert, held: reason } = evaluateRule(prepared, before, event, now);
      if (state !== before) {
        this.#states.set(hash, subject, state);
        isChanged = true;
      }
      if (alert !== undefined) alerts.push(alert);
      if (reason !== undefined) held.push(reason);
    }
    return { alerts, held, isChanged };
  }

  /** Returns the states of its rules as JSON text. */
  statesJson(): string {
    return this.#states.toJson(new Set(this.#rules.keys()));
  }
}
