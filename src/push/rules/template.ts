/**
 * Templates of titles and bodies: `{value}` stands for the value of a rule, `{topic}` for the topic or entity, `{$.path}`
 * for another value in the JSON of the event, `{{` and `}}` for braces.
 *
 * @module
 */
import { cutText } from "../../lib/cut_text.ts";
import { type JsonPath, jsonText, parseJsonPath, valueAt } from "./json_path.ts";
import type { RuleEvent } from "./rule_event.ts";

/** Parsed template: texts, and what stands in between. */
export type Template = readonly (string | Placeholder)[];

/** Value that is filled in. */
export interface Placeholder {
  /** The rule's value, the topic, or the value at a path. */
  readonly fill: "value" | "topic" | JsonPath;
}

/** Most placeholders of a template. */
const MAX_PLACEHOLDERS = 20;

/** Longest value that is filled in, in UTF-16 code units. */
const MAX_FILLED_LENGTH = 1000;

/** Rule for a template, in words that follow the name of its field. */
export const TEMPLATE_RULE: string = "may have {value}, {topic} and paths such as {$.battery}, at most " +
  `${MAX_PLACEHOLDERS} together; braces are written {{ and }}`;

const PART = /\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]/g;

/** Parses a template; undefined if it has another placeholder, or a brace alone. */
export function parseTemplate(text: string): Template | undefined {
  const parts = [...text.matchAll(PART)].map(([whole, name]) => {
    if (name !== undefined) return parsePlaceholder(name);
    if (whole === "{{" || whole === "}}") return whole.charAt(0);
    return whole === "{" || whole === "}" ? undefined : whole;
  });
  const valid = parts.filter((part) => part !== undefined);
  const placeholders = valid.filter((part) => typeof part !== "string");
  return valid.length === parts.length && placeholders.length <= MAX_PLACEHOLDERS ? valid : undefined;
}

/** Fills in a template. What the event does not have is left out. */
export function fillTemplate(
  template: Template,
  { event, value }: { readonly event: RuleEvent; readonly value: string | undefined },
): string {
  return template.map((part) => {
    if (typeof part === "string") return part;
    const { fill } = part;
    const filled = fill === "value" ? value : fill === "topic" ? event.subject : jsonText(valueAt(event.json, fill));
    return cutText(filled ?? "", MAX_FILLED_LENGTH);
  }).join("");
}

function parsePlaceholder(name: string): Placeholder | undefined {
  if (name === "value" || name === "topic") return { fill: name };
  const path = parseJsonPath(name);
  return path === undefined ? undefined : { fill: path };
}
