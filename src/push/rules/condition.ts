/**
 * Conditions of rules, and the state that they keep of each topic or entity.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { wildcardMatcher } from "../../lib/wildcard.ts";

/** Condition for an alert. */
export type Condition =
  | {
    /** Distinguishes it: every event fulfils it. */
    readonly type: "any";
  }
  | {
    /** Distinguishes it: the value differs from the last one that was alerted, or the first one. */
    readonly type: "changed";
  }
  | TextCondition
  | ThresholdCondition;

/** Condition on a value as text. */
export interface TextCondition {
  /** Distinguishes it: the value is the text, or matches the pattern. */
  readonly type: "equals" | "matches";
  /** The text, or a pattern in which `*` stands for any characters. */
  readonly text: string;
  /** True for one alert until the value was another; false for an alert with each event. */
  readonly once: boolean;
}

/** Condition on a value as a number. One alert is made until the value was on the other side of the limit again. */
export interface ThresholdCondition {
  /** Distinguishes it: the value is greater than the limit, or less. */
  readonly type: "above" | "below";
  /** The limit. */
  readonly limit: number;
  /** Distance by which the value must be back, so that one that swings around the limit makes no further alert. */
  readonly hysteresis: number;
}

/** State of a rule for one topic or entity: of bounded size, whatever the values are. */
export interface ConditionState {
  /** Fingerprint of the value that is known to the device: the last one that was alerted, or the first one. */
  readonly known?: string | undefined;
  /** True from an alert until the condition is no longer fulfilled; undefined until a value has shown either. */
  readonly isActive?: boolean | undefined;
  /** Time of the last alert, in milliseconds since 1970. */
  readonly alertedAt?: number | undefined;
}

/** Result of a condition for one event. */
export interface Verdict {
  /** True if an alert is due, unless something holds it back. */
  readonly isDue: boolean;
  /** State if none is sent. */
  readonly ifHeld: ConditionState;
  /** State if it is sent, without its time. */
  readonly ifSent: ConditionState;
}

/** Tests a value, given as text. */
export type ConditionTest = (
  value: string | undefined,
  state: ConditionState | undefined,
  options: { readonly isRetained: boolean },
) => Verdict;

/** State of a topic of which nothing is known. */
const UNKNOWN: ConditionState = {};

/** Longest value that is its own fingerprint, in UTF-16 code units. */
const MAX_KNOWN_LENGTH = 64;

/** A decimal number: what `Number()` reads beyond it, such as an empty text, is none. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** Longest number, in characters. */
const MAX_NUMBER_LENGTH = 40;

/** Parses a number, such as `21.5` or ` -3 `; undefined if the text is not one. */
export function parseNumber(text: string): number | undefined {
  if (text.length > MAX_NUMBER_LENGTH) return undefined;
  const number = NUMBER.test(text.trim()) ? Number(text) : NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** Makes the test of a condition. */
export function createConditionTest(condition: Condition): ConditionTest {
  switch (condition.type) {
    case "any":
      return (_value, state = UNKNOWN, { isRetained }) => ({ isDue: !isRetained, ifHeld: state, ifSent: state });
    case "changed":
      return testChange;
    case "equals":
    case "matches": {
      const matches = condition.type === "equals"
        ? (value: string) => value === condition.text
        : wildcardMatcher(condition.text);
      return createLevelTest((value) => matches(value) ? "fulfilled" : "not", condition.once);
    }
    case "above":
    case "below": {
      const sign = condition.type === "above" ? 1 : -1;
      return createLevelTest((value) => {
        const number = parseNumber(value);
        if (number === undefined) return "unclear";
        const excess = sign * (number - condition.limit);
        return excess > 0 ? "fulfilled" : excess <= -condition.hysteresis ? "not" : "unclear";
      }, true);
    }
  }
}

function testChange(
  value: string | undefined,
  state: ConditionState = UNKNOWN,
  { isRetained }: { readonly isRetained: boolean },
): Verdict {
  if (value === undefined) return nothingDue(state);
  const found = fingerprint(value);
  // The first value is what the device can read by itself when it makes the rule.
  if (state.known === undefined) return nothingDue({ ...state, known: found });
  const isDue = !isRetained && found !== state.known;
  return { isDue, ifHeld: state, ifSent: isDue ? { ...state, known: found } : state };
}

/** Makes the test of a condition that is fulfilled for a while; "unclear" leaves it as it is. */
function createLevelTest(levelOf: (value: string) => "fulfilled" | "not" | "unclear", once: boolean): ConditionTest {
  return (value, state = UNKNOWN, { isRetained }) => {
    const level = value === undefined ? "unclear" : levelOf(value);
    if (level === "unclear") return nothingDue(state);
    if (level === "not") return nothingDue(state.isActive === false ? state : { ...state, isActive: false });
    // After another value, the device is still to be told: the broker was connected again in between.
    if (isRetained) return nothingDue(state.isActive === undefined ? { ...state, isActive: true } : state);
    return { isDue: !once || state.isActive !== true, ifHeld: state, ifSent: { ...state, isActive: true } };
  };
}

function nothingDue(state: ConditionState): Verdict {
  return { isDue: false, ifHeld: state, ifSent: state };
}

/** Returns a short text that is the same for the same value alone. */
function fingerprint(value: string): string {
  if (value.length <= MAX_KNOWN_LENGTH) return `=${value}`;
  return `#${createHash("sha256").update(value).digest("base64url")}`;
}
