/**
 * Actions as text for the operator.
 *
 * @module
 */
import { isObject } from "../../lib/json.ts";
import { SECRET_FIELD } from "../../observability/mask.ts";

/** A label and its text. */
export type Row = readonly [label: string, text: string];

/** Describes the members of an action, as they are in the file: variables are not filled in, and secrets are masked. */
export function describeAction(action: Readonly<Record<string, unknown>>): Row[] {
  return Object.entries(action).flatMap(([name, value]): Row[] =>
    name === "params" && isObject(value)
      ? Object.entries(value).map(([param, declaration]) => [`param ${param}`, describeMember("", declaration)])
      : [[name, describeMember(name, value)]]
  );
}

/** Describes a value: `topic home/gate/set, message OPEN, qos 1`. */
function describeMember(name: string, value: unknown): string {
  if (SECRET_FIELD.test(name)) return "********";
  if (Array.isArray(value)) return value.map((entry) => describeMember("", entry)).join(" ");
  if (!isObject(value)) return String(value);
  return Object.entries(value).map(([member, entry]) => {
    const text = describeMember(member, entry);
    return `${member} ${isObject(entry) ? `(${text})` : text}`;
  }).join(", ");
}
