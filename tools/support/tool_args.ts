/** Command lines of the tools and of build:npm. */
import {
  type Args,
  type CommandLine,
  formatHelp,
  type Options,
  readArgs,
  UsageError,
  wantsHelp,
  wrongUsage,
} from "../../src/cli/args.ts";
import { EXIT_USAGE } from "../../src/cli/exit_codes.ts";

/**
 * Parses the command line of the process before anything starts. Exits with 0 after printing the help, and with 2 after
 * printing an error and the usage.
 *
 * @param read returns the parsed options; throws a `UsageError` for invalid ones
 */
export function readToolArgs<const O extends Options, T>(line: CommandLine<O>, read: (given: Args<O>) => T): T {
  if (wantsHelp(Deno.args)) {
    // deno-lint-ignore no-console
    console.log(formatHelp(line));
    Deno.exit(0);
  }
  try {
    const given = readArgs(Deno.args, line);
    return withUsage(line, () => read(given));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // deno-lint-ignore no-console
    console.error(error.message);
    Deno.exit(EXIT_USAGE);
  }
}

/** Adds the usage to a `UsageError`. */
function withUsage<T>(line: CommandLine, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UsageError ? wrongUsage(error.message, line) : error;
  }
}

/** Rule for a number on a command line. */
export interface NumberRule {
  /** Its name in the usage, such as `SECONDS`. */
  readonly name: string;
  /** Default value. */
  readonly standard: number;
  /** Smallest valid value. */
  readonly min: number;
  /** Largest valid value. */
  readonly max?: number;
  /** True for whole numbers, whose digits may be grouped, as in `1_000_000`. */
  readonly isWhole?: boolean;
}

/**
 * Parses a number.
 *
 * @throws {UsageError} if it is not a number, or out of range
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
 * Rejects surplus arguments.
 *
 * @throws {UsageError} if there are any
 */
export function refuseMore(surplus: readonly string[]): void {
  if (surplus.length > 0) throw new UsageError(`Unexpected argument "${surplus.join(" ")}"`);
}
