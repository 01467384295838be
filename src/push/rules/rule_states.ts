/**
 * States of the rules of one key, and their text in the state database.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isObject, tryParseJson } from "../../lib/json.ts";
import { LruCache } from "../../lib/lru_cache.ts";
import type { ConditionState } from "./condition.ts";

/** Most topics and entities of which the rules of one key keep the state. */
const MAX_STATES_PER_KEY = 1000;

/** Longest subject that is part of a state's name as it is, in UTF-16 code units. */
const MAX_SUBJECT_LENGTH = 200;

/** Length of the hash of a rule, in characters of base64url: 96 bits. */
const HASH_LENGTH = 16;

/** Version of the text. */
const VERSION = 1;

/** States of rules by rule and subject; the least recently used is evicted, as if its topic was new. */
export class RuleStates {
  readonly #states = new LruCache<string, ConditionState>(MAX_STATES_PER_KEY);

  /** Reads the text of {@linkcode RuleStates.toJson}. What is not valid is left out: it counts as unknown. */
  static parse(text: string | undefined): RuleStates {
    const made = new RuleStates();
    const value = text === undefined ? undefined : tryParseJson(text);
    if (!isObject(value) || value["version"] !== VERSION || !Array.isArray(value["states"])) return made;
    for (const entry of value["states"]) {
      if (!Array.isArray(entry)) continue;
      const [name, known, isActive, alertedAt]: unknown[] = entry;
      if (typeof name !== "string") continue;
      made.#states.set(name, {
        ...typeof known === "string" ? { known } : {},
        ...typeof isActive === "boolean" ? { isActive } : {},
        ...typeof alertedAt === "number" ? { alertedAt } : {},
      });
    }
    return made;
  }

  /** Returns the state of a rule for a subject, given by {@linkcode ruleHash} and {@linkcode subjectName}. */
  get(rule: string, subject: string): ConditionState | undefined {
    return this.#states.get(`${rule} ${subject}`);
  }

  /** Sets the state of a rule for a subject. */
  set(rule: string, subject: string, state: ConditionState): void {
    this.#states.set(`${rule} ${subject}`, state);
  }

  /** Returns the states of some rules as JSON text, the least recently used first. */
  toJson(rules: ReadonlySet<string>): string {
    const states = [...this.#states.entries()]
      .filter(([name]) => rules.has(name.slice(0, HASH_LENGTH)))
      .map(([name, { known = null, isActive = null, alertedAt = null }]) => [name, known, isActive, alertedAt]);
    return JSON.stringify({ version: VERSION, states });
  }
}

/** Returns a name for a rule by its text: a rule that changes begins anew, and one that is set again does not. */
export function ruleHash(json: string): string {
  return createHash("sha256").update(json).digest("base64url").slice(0, HASH_LENGTH);
}

/** Returns a short text that stands for a subject alone: topics may have 64 KiB. */
export function subjectName(subject: string): string {
  if (subject.length <= MAX_SUBJECT_LENGTH) return subject;
  return `#${createHash("sha256").update(subject).digest("base64url")}`;
}
