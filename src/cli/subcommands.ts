/**
 * Commands that consist of subcommands, which edit one file.
 *
 * @module
 */
import { ConfigError } from "../config/parse.ts";
import type { Platform } from "../platform.ts";
import { type CommandLine, formatHelp, formatUsage, unknownName, UsageError } from "./args.ts";
import { reportConfigError } from "./config_errors.ts";
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_USAGE } from "./exit_codes.ts";

/** A subcommand: its command line, and its function. */
export interface Subcommand<Session> {
  /** Its command line. */
  readonly line: CommandLine;
  /** Runs it. */
  readonly run: (session: Session) => Promise<void>;
}

/** Subcommands by name. */
export type Subcommands<Session> = Readonly<Record<string, Subcommand<Session>>>;

/** Part of a session that the command line gives it. */
export interface SessionArgs {
  /** Arguments of the subcommand. */
  readonly args: readonly string[];
  /** Usage of the subcommand, for messages about its arguments. */
  readonly usage: string;
  /** Prints a warning below all other output, when the subcommand has ended. */
  readonly warn: (line: string) => void;
}

/** Class of an error whose message is for the operator. */
export type ErrorClass = new (message: string) => Error;

/** A command with subcommands. */
export interface SubcommandOptions<Session> {
  /** Command line of the command. */
  readonly line: CommandLine;
  /** Its subcommands. */
  readonly subcommands: Subcommands<Session>;
  /** Opens the session of a subcommand. */
  readonly open: (given: SessionArgs) => Promise<Session>;
  /** Closes the session. */
  readonly close?: (session: Session) => Promise<void>;
  /** Error for a file that cannot be read or written. */
  readonly Failure: ErrorClass;
  /** Error for a lock that another process holds for too long. */
  readonly Locked: ErrorClass;
}

/** Returns the command lines of subcommands, by name. */
export function linesOf<Session>(subcommands: Subcommands<Session>): Readonly<Record<string, CommandLine>> {
  return Object.fromEntries(Object.entries(subcommands).map(([name, { line }]) => [name, line]));
}

/** Runs the subcommand that the arguments name. Returns the exit code. */
export async function runSubcommand<Session>(
  { args: [name = "", ...args], printError }: Pick<Platform, "args" | "printError">,
  { line, subcommands, open, close, Failure, Locked }: SubcommandOptions<Session>,
): Promise<number> {
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (subcommand === undefined) {
    const fault = name === "" ? "A subcommand is missing" : unknownName("subcommand", name, Object.keys(subcommands));
    printError(`${fault}\n${formatHelp(line)}`);
    return EXIT_USAGE;
  }
  const warnings: string[] = [];
  try {
    const session = await open({
      args,
      usage: formatUsage(subcommand.line),
      warn: (text) => void warnings.push(text),
    });
    try {
      await subcommand.run(session);
    } finally {
      await close?.(session);
      // Below all output: above a code that fills the window, they would scroll away.
      for (const text of warnings) printError(text);
    }
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) return reportConfigError(error, { printError, next: "try again" });
    const isKnown = error instanceof UsageError || error instanceof Failure || error instanceof Locked;
    if (!isKnown) throw error;
    printError(error.message);
    if (error instanceof UsageError) return EXIT_USAGE;
    return error instanceof Failure ? EXIT_CONFIG : EXIT_FAILURE;
  }
}
