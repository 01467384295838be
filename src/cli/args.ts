/**
 * Command lines: their definition, help and parsing.
 *
 * @module
 */
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { parseArgs, type ParseArgsOptionDescriptor } from "node:util";

/** An option, for `parseArgs` of `node:util`, with its line in the help. */
export interface Option extends ParseArgsOptionDescriptor {
  /** Placeholder of its value, such as `FILE`; absent for a switch. */
  readonly value?: string;
  /** Description; further lines are indented like the first. The help adds the default. */
  readonly description: string;
}

/** Options by name. */
export type Options = Readonly<Record<string, Option>>;

/** Definition of a command line. */
export interface CommandLine<O extends Options = Options> {
  /** Command and arguments, without options: `deno task call METHOD [PARAMS]`. */
  readonly synopsis: string;
  /** Description of the command, in one sentence. */
  readonly summary: string;
  /** The options. */
  readonly options: O;
  /** Further lines below the options. */
  readonly notes?: string;
}

/** Parsed arguments of a command: the values of its options, and the positional ones. */
export type Args<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: O }>
>;

/** Invalid command line. The message is for the operator: what is wrong, then the usage. */
export class UsageError extends Error {}

const HELP = "--help";
const HELP_LINE: readonly [string, string] = [HELP, "Show this help"];
const GAP = "  ";

/** Returns whether the arguments before `--` contain `--help`, or begin with `-h`. */
export function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const words = end === -1 ? args : args.slice(0, end);
  return words.includes(HELP) || words[0] === "-h";
}

/** Formats the help: synopsis, summary, and a line for each option. */
export function formatHelp({ synopsis, summary, options, notes }: CommandLine): string {
  const rows = [...Object.entries(options).map(optionRow), HELP_LINE];
  const width = Math.max(...rows.map(([name]) => name.length));
  const indent = `\n${" ".repeat(GAP.length + width + GAP.length)}`;
  const lines = rows.map(([name, text]) => GAP + name.padEnd(width) + GAP + text.replaceAll("\n", indent));
  return [`Usage: ${synopsis} [options]`, "", summary, "", ...lines, ...notes === undefined ? [] : ["", notes]]
    .join("\n");
}

function optionRow([name, { value, description, default: standard }]: [string, Option]): [string, string] {
  const isShown = typeof standard === "string" && standard !== "";
  return [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    isShown ? `${description} (default: ${standard})` : description,
  ];
}

/**
 * Parses the arguments of a command.
 *
 * @throws {UsageError} if an option is unknown, lacks its value, or has one that it does not take
 */
export function readArgs<const O extends Options>(args: readonly string[], line: CommandLine<O>): Args<O> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: line.options });
  } catch (error) {
    if (!isParseArgsError(error)) throw error;
    // The first sentence only: node:util adds advice for one case.
    const [message = ""] = error.message.split(". ");
    throw wrongUsage(message, line, { cause: error });
  }
}

/**
 * Parses the arguments of a command that takes options only.
 *
 * @returns the values of the options
 * @throws {UsageError} as `readArgs` does, and if there are positional arguments
 */
export function readOptions<const O extends Options>(args: readonly string[], line: CommandLine<O>): Args<O>["values"] {
  const { values, positionals: [word] } = readArgs(args, line);
  if (word !== undefined) throw wrongUsage(`Unexpected argument '${word}'`, line);
  return values;
}

/**
 * Returns the only argument of a command.
 *
 * @param meaning what the argument is, such as "name of a key"
 * @param usage usage of the command, for the messages
 * @throws {UsageError} if there is none, or more
 */
export function onlyArgument(
  positionals: readonly string[],
  { meaning, usage }: { readonly meaning: string; readonly usage: string },
): string {
  const [argument, ...others] = positionals;
  if (argument === undefined) throw new UsageError(`The ${meaning} is missing\n${usage}`);
  if (others.length > 0) throw new UsageError(`Expected only the ${meaning}: remove "${others.join(" ")}"\n${usage}`);
  return argument;
}

/** Formats a line for each command: its name and its summary. */
export function formatCommands(lines: Readonly<Record<string, CommandLine>>): string {
  const width = Math.max(...Object.keys(lines).map((name) => name.length));
  return Object.entries(lines).map(([name, { summary }]) => GAP + name.padEnd(width) + GAP + summary).join("\n");
}

/** Formats the usage in one line, for the message of a {@linkcode UsageError}. */
export function formatUsage({ synopsis }: CommandLine): string {
  return `Usage: ${synopsis} [options]; ${HELP} lists the options`;
}

/** Makes the error of an invalid command line: the message, then the usage. */
export function wrongUsage(message: string, line: CommandLine, options?: ErrorOptions): UsageError {
  return new UsageError(`${message}\n${formatUsage(line)}`, options);
}

/** Formats the error for an unknown name, with a suggestion where one is close. */
export function unknownName(kind: string, word: string, names: readonly string[]): string {
  const closest = closestName(word, names);
  return `Unknown ${kind} "${word}"${closest === undefined ? "" : `: did you mean "${closest}"?`}`;
}

/** Returns the name with the fewest edits from the word, at most one for every three letters; else undefined. */
export function closestName(word: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => ({ name, distance: levenshteinDistance(word.toLowerCase(), name) }));
  const [closest] = distances.toSorted((one, other) => one.distance - other.distance);
  return closest !== undefined && closest.distance <= Math.ceil(closest.name.length / 3) ? closest.name : undefined;
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}
