/**
 * Literals of InfluxQL, Flux and SQL, and line protocol, for values that the gateway writes into a text.
 *
 * @module
 */

/** Quotes an identifier of InfluxQL. */
export function influxqlIdentifier(name: string): string {
  return `"${name.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

/** Quotes an identifier of SQL. */
export function sqlIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const FLUX_ESCAPES = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

/** Quotes a string of Flux. Every `$` is escaped but by its brace: only `${` begins an expression. */
export function fluxString(text: string): string {
  return `"${text.replace(/\$\{|[\\"\n\r\t]/g, (found) => FLUX_ESCAPES.get(found) ?? `\\${found}`)}"`;
}

/** Writes a number of Flux, as `float` or `int`; a negative one in parentheses, so that it joins with any operator. */
export function fluxNumber(value: number, isInteger: boolean): string {
  const text = decimal(value);
  const typed = isInteger || text.includes(".") ? text : `${text}.0`;
  return value < 0 ? `(${typed})` : typed;
}

/** Writes a number without an exponent, which InfluxQL and Flux do not know. */
export function decimal(value: number): string {
  const text = String(value === 0 ? 0 : value);
  return text.includes("e") ? value.toFixed(20) : text;
}
