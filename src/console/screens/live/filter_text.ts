/**
 * Text of the filter field: a topic filter of MQTT, which the gateway sends less for, or words that narrow what is shown.
 *
 * @module
 */
import { coversFilter, matchesFilter } from "../../connection/topic_match.ts";
import type { TopicMatch } from "./rows/visible_rows.ts";

/** Meaning of the text. */
export type FilterText =
  /** Words that topics contain; none for an empty text. */
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Filter of MQTT within the rights of the key. */
  | { readonly kind: "filter"; readonly filter: string }
  /** Filter of MQTT that the key may not subscribe to. */
  | { readonly kind: "refused"; readonly filter: string }
  /** Text with wildcards that is no filter of MQTT. */
  | { readonly kind: "malformed" };

/** Longest text that is taken as a filter, in characters. */
const MAX_FILTER = 1000;

/** Returns the meaning of a text, for a key that may subscribe to some filters. */
export function parseFilterText(text: string, granted: readonly string[]): FilterText {
  const trimmed = text.trim();
  const levels = trimmed.split("/");
  if (!/[+#]/.test(trimmed)) {
    return { kind: "words", words: trimmed.toLowerCase().split(/\s+/).filter((word) => word !== "") };
  }
  const isWellFormed = trimmed.length <= MAX_FILTER && trimmed.isWellFormed() &&
    levels.every((level, index) =>
      level === "+" || level === "#" && index === levels.length - 1 || !/[+#\p{Cc}]/u.test(level)
    );
  if (!isWellFormed) return { kind: "malformed" };
  const isGranted = granted.some((grant) => coversFilter(grant, trimmed));
  return { kind: isGranted ? "filter" : "refused", filter: trimmed };
}

/** Returns whether a text is a filter that cannot be used. */
export function isFaulty({ kind }: FilterText): boolean {
  return kind === "refused" || kind === "malformed";
}

/** Returns the function that tells whether a topic is shown; undefined where all are. */
export function topicMatch(filter: FilterText): TopicMatch | undefined {
  if (filter.kind === "filter") return ({ service, name }) => service === "mqtt" && matchesFilter(filter.filter, name);
  if (filter.kind !== "words" || filter.words.length === 0) return undefined;
  return ({ name }) => {
    const text = name.toLowerCase();
    return filter.words.every((word) => text.includes(word));
  };
}
