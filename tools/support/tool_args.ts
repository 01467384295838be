/** Command lines of the tools: benchmarks, soak, chaos, memory, fuzz and build:npm. */
import {
  type Args,
  type CommandLine,
  formatHelp,
  formatUsage,
  type Options,
  readArgs,
  UsageError,
  wantsHelp,
} from "../../src/cli/args.ts";
import { EXIT_USAGE } from "../../src/cli/exit_codes.ts";

/**
 * Reads the command line of the process before anything starts. Ends the process where there is nothing to start: with
 * the help and 0, or with what is wrong, how to type it, and 2.
 *
 * @param read takes what it needs, and throws a `UsageError` for what cannot be right
 */
export function readToolArgs<const O extends Options, T>(line: CommandLine<O>, read: (given: Args<O>) => T): T {
  if (wantsHelp(Deno.args)) {
    // deno-lint-ignore no-console
    console.log(formatHelp(line));
    Deno.exit(0);
  }
  try {
    return read(readArgs(Deno.args, line));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const usage = formatUsage(line);
    // deno-lint-ignore no-console
    console.error(error.message.includes("\nUsage: ") ? error.message : `${error.message}\n${usage}`);
    Deno.exit(EXIT_USAGE);
  }
}

/** A number on a command line. */
export interface NumberRule {
  /** Its name in the usage, such as `SECONDS`. */
  readonly name: string;
  /** Its value where it is absent. */
  readonly standard: number;
  /** The least that it may be. */
  readonly min: number;
  /** The most that it may be. */
  readonly max?: number;
  /** True for a number of things; digits may be grouped then, as in `1_000_000`. */
  readonly isWhole?: boolean;
}

/**
 * Reads a number.
 *
 * @throws {UsageError} if it is none, or out of range
 */
export function readNumber(
  text: string | undefined,
  { name, standard, min, max = Number.MAX_SAFE_INTEGER, isWhole = false }: NumberRule,
): number {
  if (text === undefined) return standard;
  const shape = isWhole ? /^\d[\d_]*$/ : /^\d+(\.\d+)?$/;
  const value = shape.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`${name} must be a ${isWhole ? "whole " : ""}number ${range}, not "${text}"`);
}

/**
 * Refuses arguments that nothing takes.
 *
 * @throws {UsageError} if there are any
 */
export function refuseMore(words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`Unexpected argument "${words.join(" ")}"`);
}
