/**
 * Arguments `NAME=VALUE` of commands.
 *
 * @module
 */
import { parseExact, plainNumber } from "../lib/exact_json.ts";
import { type CommandLine, wrongUsage } from "./args.ts";

/** Rule of the values, for the help. */
export const PARAM_NOTES = `A VALUE is a number, true or false where it looks like one, and a text
otherwise. Put a text in double quotes to send it as it is: code='"42"'.`;

/**
 * Parses arguments such as `degrees=21.5`.
 *
 * @returns the values by name; undefined without arguments
 * @throws {UsageError} if one has no name, or a name occurs twice
 */
export function parseParamValues(
  words: readonly string[],
  line: CommandLine,
): Readonly<Record<string, unknown>> | undefined {
  const values = new Map<string, unknown>();
  for (const word of words) {
    const [, name, text = ""] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    // The argument is not printed: its value may be a secret.
    if (name === undefined) throw wrongUsage("Parameters must be NAME=VALUE", line);
    if (values.has(name)) throw wrongUsage(`Parameter ${name} is given twice`, line);
    values.set(name, parseValue(text));
  }
  return values.size === 0 ? undefined : Object.fromEntries(values);
}

/** Parses a number, true, false or a text between quotes; any other text stands for itself. */
function parseValue(text: string): unknown {
  try {
    const value = parseExact(text);
    // A number keeps its digits.
    if (["number", "boolean", "string"].includes(typeof plainNumber(value))) return value;
  } catch {
    // A text that is not JSON.
  }
  return text;
}
