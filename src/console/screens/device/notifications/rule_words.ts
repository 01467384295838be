/**
 * Rules in words.
 *
 * @module
 */
import type { PushRule } from "@e2e-gateway/client";
import { selectOf } from "./rule_draft.ts";
import type { NotificationTexts } from "./texts.ts";

/** Returns a rule in words: its source, and its condition. */
export function ruleWords({ source, path, condition }: PushRule, texts: NotificationTexts["words"]): string {
  const subject = [selectOf(source).join(", "), ...path === undefined ? [] : [path]].join(" › ");
  switch (condition.type) {
    case "any":
    case "changed":
      return `${subject} ${texts[condition.type]}`;
    case "equals":
    case "matches":
      return `${subject} ${texts[condition.type](condition.text)}`;
    case "above":
    case "below":
      return `${subject} ${texts[condition.type](String(condition.limit))}`;
    default:
      // A newer gateway has more of them.
      return subject;
  }
}
