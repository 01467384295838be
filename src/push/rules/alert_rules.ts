/**
 * The rules of all keys, with their states.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { LruCache } from "../../lib/lru_cache.ts";
import type { ConditionState } from "./condition.ts";
import { type Alert, evaluateRule, type HeldReason, type PreparedRule, prepareRule } from "./evaluate.ts";
import type { AlertRule } from "./rule.ts";
import type { RuleEvent } from "./rule_event.ts";
import { RuleIndex } from "./rule_index.ts";

/** Key whose rules are evaluated. */
export interface RuleOwner {
  /** Name of the key. */
  readonly key: string;
  /** Returns whether its rights allow an event now: they may be narrower than its rules. */
  mayReceive(event: RuleEvent): boolean;
}

/** Results of one event. */
export interface RuleResults {
  /** Alerts to send, each with its key. */
  readonly alerts: readonly { readonly key: string; readonly alert: Alert }[];
  /** Reasons for which due alerts are not sent. */
  readonly held: readonly HeldReason[];
}

/** Most topics and entities of which the rules of one key keep the state. */
const MAX_STATES_PER_KEY = 1000;

/** Longest subject that is part of a state's key as it is, in UTF-16 code units. */
const MAX_SUBJECT_LENGTH = 200;

/** Rule of a key in the index. */
interface IndexedRule {
  /** Distinguishes the states of a rule from those of another one of its name before. */
  readonly id: number;
  readonly prepared: PreparedRule;
  readonly owner: OwnerState;
}

/** Key with the states of its rules; the least recently used is evicted, as if its topic was new. */
interface OwnerState {
  readonly owner: RuleOwner;
  readonly states: LruCache<string, ConditionState>;
  readonly rules: Map<string, IndexedRule>;
}

/** Rules of all keys. */
export class AlertRules {
  readonly #index = new RuleIndex<IndexedRule>();
  readonly #owners = new Map<string, OwnerState>();
  #nextId = 0;

  /** Number of rules. */
  get size(): number {
    return this.#index.size;
  }

  /** Sets all rules of a key, the last one of each name. A rule that is the same object as before keeps its state. */
  set(owner: RuleOwner, rules: readonly AlertRule[]): void {
    const before = this.#owners.get(owner.key);
    this.delete(owner.key);
    const state = { owner, states: before?.states ?? new LruCache<string, ConditionState>(MAX_STATES_PER_KEY) };
    const kept: OwnerState = { ...state, rules: new Map() };
    for (const rule of new Map(rules.map((rule) => [rule.name, rule])).values()) {
      const same = before?.rules.get(rule.name);
      const isSame = same?.prepared.rule === rule;
      const indexed = isSame
        ? { ...same, owner: kept }
        : { id: this.#nextId++, prepared: prepareRule(rule), owner: kept };
      kept.rules.set(rule.name, indexed);
      this.#index.set(indexed, rule.source);
    }
    this.#owners.set(owner.key, kept);
  }

  /** Deletes all rules of a key. */
  delete(key: string): void {
    for (const rule of this.#owners.get(key)?.rules.values() ?? []) this.#index.delete(rule);
    this.#owners.delete(key);
  }

  /**
   * Evaluates the rules that an event concerns.
   *
   * @param now the time, in milliseconds since 1970
   */
  receive(event: RuleEvent, now: number): RuleResults {
    const alerts: { readonly key: string; readonly alert: Alert }[] = [];
    const held: HeldReason[] = [];
    const allowed = new Map<OwnerState, boolean>();
    const subject = shortened(event.subject);
    for (const { id, prepared, owner } of this.#index.match(event)) {
      const mayReceive = allowed.get(owner) ?? owner.owner.mayReceive(event);
      allowed.set(owner, mayReceive);
      if (!mayReceive) continue;
      const stateKey = `${id} ${subject}`;
      const before = owner.states.get(stateKey);
      const { state, alert, held: reason } = evaluateRule(prepared, before, event, now);
      if (state !== before) owner.states.set(stateKey, state);
      if (alert !== undefined) alerts.push({ key: owner.owner.key, alert });
      if (reason !== undefined) held.push(reason);
    }
    return { alerts, held };
  }
}

/** Returns a short text that stands for a subject alone: topics may have 64 KiB. */
function shortened(subject: string): string {
  if (subject.length <= MAX_SUBJECT_LENGTH) return subject;
  return `#${createHash("sha256").update(subject).digest("base64url")}`;
}
