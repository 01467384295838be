/**
 * Rules for values of the section `actions`.
 *
 * @module
 */
import { z } from "zod";
import { topicFault } from "../../mqtt/topics/rules.ts";

/** Returns the rule for a text of bounded length. */
export function boundedText(max: number): z.ZodString {
  const rule = `must be a text of 1 to ${max} characters`;
  return z.string(rule).min(1, rule).max(max, rule);
}

/** Makes a schema of values by name; the names follow a rule. */
export function mapOf<Name extends z.ZodType<string, string>, Value extends z.ZodType>(
  name: Name,
  value: Value,
): z.ZodRecord<Name, Value> {
  const fault = (issue: z.core.$ZodRawIssue) =>
    issue.code === "invalid_key" ? (issue.issues[0]?.message ?? "must have other names") : "must be a map";
  return z.record(name, value, { error: fault });
}

/** A JSON value. */
export const json = z.json({ error: "must be a value of JSON" });

/** JSON values by name. */
export const jsonMembers = mapOf(z.string(), json);

/** A topic to publish to, or to read. */
export const topic = z.string("must be a topic").superRefine((text, context) => {
  const fault = topicFault(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

/** Name of a method of Jeedom. */
export const jeedomMethod = z.string("must be the name of a JSON-RPC method").regex(
  /^[\w:.\-]{1,128}$/,
  "must be the name of a JSON-RPC method",
);
