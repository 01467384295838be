/**
 * Statements for InfluxDB: the text of a query with the values of its parameters.
 *
 * @module
 */
import type { ParamValue, ParamValues } from "./params.ts";
import { decimal, fluxNumber, fluxString, influxqlIdentifier, sqlIdentifier } from "./literals.ts";
import type { Template } from "./template.ts";

/** Statement with values that InfluxDB itself binds. */
export interface BoundStatement {
  /** Text; a `$name` is left in it for each bound value. */
  readonly text: string;
  /** Bound values, as JSON text. */
  readonly paramsJson: string;
}

/** Makes an InfluxQL statement: texts and numbers are bound, and all else, which cannot be, is a literal. */
export function influxqlStatement(template: Template, values: ParamValues): BoundStatement {
  return bind(template, values, (value) => {
    switch (value.kind) {
      case "text":
      case "number":
        return undefined;
      case "time":
      case "duration":
        return `${value.ms}ms`;
      case "identifier":
        return influxqlIdentifier(value.name);
    }
  });
}

/** Makes an SQL statement: texts and numbers are bound, and all else, which cannot be, is a literal. */
export function sqlStatement(template: Template, values: ParamValues): BoundStatement {
  return bind(template, values, (value) => {
    switch (value.kind) {
      case "text":
      case "number":
        return undefined;
      case "time":
        return `TIMESTAMP '${new Date(value.ms).toISOString()}'`;
      case "duration":
        return `INTERVAL '${value.ms / 1000} seconds'`;
      case "identifier":
        return sqlIdentifier(value.name);
    }
  });
}

/** Makes a Flux script: all values are literals, as InfluxDB 2 binds none outside of its cloud. */
export function fluxScript(template: Template, values: ParamValues): string {
  return fill(template, values, (value) => {
    switch (value.kind) {
      case "text":
        return fluxString(value.text);
      case "number":
        return fluxNumber(value.number, value.isInteger);
      case "time":
        return new Date(value.ms).toISOString();
      case "duration":
        return `${value.ms}ms`;
      case "identifier":
        return fluxString(value.name);
    }
  });
}

function bind(
  template: Template,
  values: ParamValues,
  literalOf: (value: ParamValue) => string | undefined,
): BoundStatement {
  const bound = new Map<string, string>();
  const text = fill(template, values, (value, name) => {
    const literal = literalOf(value);
    if (literal !== undefined) return literal;
    // InfluxDB 1 reads no number with an exponent.
    if (value.kind === "number") bound.set(name, decimal(value.number));
    if (value.kind === "text") bound.set(name, JSON.stringify(value.text));
    return `$${name}`;
  });
  return { text, paramsJson: `{${[...bound].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}` };
}

function fill(
  template: Template,
  values: ParamValues,
  write: (value: ParamValue, name: string) => string,
): string {
  return template.map((part) => {
    if (typeof part === "string") return part;
    const value = values.get(part.param);
    // The section's schema has compared the placeholders with the parameters.
    if (value === undefined) throw new TypeError(`No value for ${part.param}`);
    return write(value, part.param);
  }).join("");
}
