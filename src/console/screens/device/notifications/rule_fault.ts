/**
 * Fault that the gateway finds in a rule, at the field that has it.
 *
 * @module
 */
import type { GatewayError } from "@e2e-gateway/client";
import { gatewayText, type GatewayTexts } from "./gateway_texts.ts";

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
  /** Rule that is broken, in the language of the page or the words of the gateway. */
  readonly text: string;
}

const FIELDS: readonly RuleField[] = [
  ...["source", "path", "condition", "title", "body"] as const,
  ...["urgency", "minIntervalSeconds", "quietHours", "actions"] as const,
];

/** Reads an error of the gateway: its message names the path of the field. */
export function ruleFault(error: Pick<GatewayError, "gatewayCode" | "message">, texts: GatewayTexts): RuleFault {
  const { message } = error;
  const [, path, text = message] = /field: rule\.([\w.]+)(?:: (.*))?$/s.exec(message) ?? [];
  if (path === undefined) return { field: undefined, text: gatewayText(error, texts) };
  const [first] = path.split(".");
  return {
    field: FIELDS.find((field) => field === first),
    text: texts.fields.get(path.replace(/\.\d+/g, "")) ?? text,
  };
}
