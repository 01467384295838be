/**
 * State of an action in words.
 *
 * @module
 */
import type { Format } from "../../../catalogue/format.ts";
import type { Texts } from "../../../catalogue/catalogue.ts";
import { visibleText } from "../../../text/visible.ts";
import type { ActionState } from "./action_list.ts";

/** Returns a state in words; undefined where the action has none. */
export function stateText(
  state: ActionState | undefined,
  { texts, format }: { readonly texts: Texts["home"]; readonly format: Format },
): string | undefined {
  if (state === undefined) return undefined;
  if (state === null) return texts.stateUnknown;
  if (typeof state === "number") return format.number(state);
  const word = typeof state === "boolean" ? (state ? "on" : "off") : state.trim();
  const lower = word.toLowerCase();
  const known = lower === "true" ? "on" : lower === "false" ? "off" : lower;
  return Object.hasOwn(texts.states, known) ? texts.states[known] : visibleText(word);
}
