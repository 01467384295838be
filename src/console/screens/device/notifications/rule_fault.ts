/**
 * Fault that the gateway finds in a rule, at the field that has it.
 *
 * @module
 */

/** Fields of the form that can have a fault. */
export type RuleField =
  | "source"
  | "path"
  | "condition"
  | "title"
  | "body"
  | "urgency"
  | "minIntervalSeconds"
  | "quietHours"
  | "actions";

/** Fault of a rule. */
export interface RuleFault {
  /** Field of the form; undefined for a fault of the whole rule. */
  readonly field: RuleField | undefined;
  /** Rule that is broken, in the words of the gateway. */
  readonly text: string;
}

const FIELDS: readonly RuleField[] = [
  ...["source", "path", "condition", "title", "body"] as const,
  ...["urgency", "minIntervalSeconds", "quietHours", "actions"] as const,
];

/** Reads the message of an error of the gateway. */
export function ruleFault(message: string): RuleFault {
  const [, path = "", text] = /field: rule\.([\w.]+)(?:: (.*))?$/s.exec(message) ?? [];
  const [first] = path.split(".");
  return { field: FIELDS.find((field) => field === first), text: text ?? message };
}
