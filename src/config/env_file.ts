/**
 * Reads the text of the file `.env`.
 *
 * @module
 */
import { parse } from "@std/dotenv/parse";
import { ConfigError } from "./parse.ts";
import type { Variables } from "./rules.ts";

/** The file `.env`, read. */
export interface EnvFile {
  /** Its variables. */
  readonly variables: Variables;
  /** Numbers of the lines, from 1, that are neither empty, a comment nor `NAME=value`: they set nothing. */
  readonly unreadLines: readonly number[];
}

/** Beginning of a line that sets a variable, with its name. */
const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)(?:\s*=|:\s)/;

const EMPTY_OR_COMMENT = /^\s*(#|$)/;

/**
 * Reads the variables, as `dotenv` does, and finds the lines that it leaves out in silence.
 *
 * @param text the file's text, decoded as UTF-8
 * @param names the variables that must be set once: of two lines for one, the last would win in silence
 * @throws {ConfigError} if one of these is set twice, or the text is not UTF-8
 */
export function parseEnvFile(text: string, names: readonly string[]): EnvFile {
  if (text.includes("\0")) {
    throw new ConfigError([".env is in UTF-16, as PowerShell and Notepad write it, or is no text. Save it as UTF-8"]);
  }
  const lines = text.split(/\r\n|\r|\n/);
  refuseDuplicates(lines, names);
  const variables = parse(text);
  return { variables, unreadLines: findUnreadLines(lines, Object.values(variables)) };
}

function refuseDuplicates(lines: readonly string[], names: readonly string[]): void {
  const found = Map.groupBy(lines.keys(), (index) => ASSIGNMENT.exec(lines[index] ?? "")?.[1]);
  const problems = names.flatMap((name) => {
    const numbers = found.get(name)?.map((index) => index + 1) ?? [];
    return numbers.length < 2
      ? []
      : [`${name} must be set once in .env, not in lines ${numbers.join(" and ")}: remove all but one`];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

function findUnreadLines(lines: readonly string[], values: readonly string[]): number[] {
  // A value between quotes may have several lines.
  const inValues = values.filter((value) => value.includes("\n")).join("\n");
  const isInValue = (line: string) => inValues !== "" && inValues.includes(line.replace(/["'`]\s*(#.*)?$/, ""));
  return [...lines.keys()].filter((index) => {
    const line = lines[index] ?? "";
    return !EMPTY_OR_COMMENT.test(line) && !ASSIGNMENT.test(line) && !isInValue(line);
  }).map((index) => index + 1);
}
