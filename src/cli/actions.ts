/**
 * The command `actions`: edits the actions in the services file, also while the gateway runs.
 *
 * @module
 */
import { readConfiguration } from "../config/configuration.ts";
import { ConfigError } from "../config/parse.ts";
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { type CommandLine, formatCommands, formatHelp, formatUsage, unknownName, UsageError } from "./args.ts";
import { ADD_LINE, addAction } from "./actions/add.ts";
import { LIST_LINE, listActions } from "./actions/list.ts";
import { REMOVE_LINE, removeAction } from "./actions/remove.ts";
import { type ActionsSession, openSession, ServicesFileError, ServicesFileLockedError } from "./actions/session.ts";
import { SHOW_LINE, showAction } from "./actions/show.ts";
import { reportConfigError } from "./config_errors.ts";
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_USAGE } from "./exit_codes.ts";

/** A subcommand: its command line, and its function. */
interface Subcommand {
  readonly line: CommandLine;
  readonly run: (session: ActionsSession) => Promise<void>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  list: { line: LIST_LINE, run: listActions },
  add: { line: ADD_LINE, run: addAction },
  show: { line: SHOW_LINE, run: showAction },
  remove: { line: REMOVE_LINE, run: removeAction },
};

/** Command lines of the subcommands, by name. */
export const ACTIONS_SUBCOMMAND_LINES: Readonly<Record<string, CommandLine>> = Object.fromEntries(
  Object.entries(SUBCOMMANDS).map(([name, { line }]) => [name, line]),
);

/** Command line of `actions`. */
export const ACTIONS_LINE = {
  synopsis: "deno task actions SUBCOMMAND",
  summary: "List, add, show and remove actions in the services file, while the gateway runs",
  options: {},
  notes: `Subcommands, each with its own --help:
${formatCommands(ACTIONS_SUBCOMMAND_LINES)}`,
} as const satisfies CommandLine;

/** Runs a subcommand on the services file. */
export async function actions(
  platform: Platform,
  services: readonly ServiceModule[] = SERVICES,
): Promise<number> {
  const [name = "", ...args] = platform.args;
  const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (subcommand === undefined) {
    const fault = name === "" ? "A subcommand is missing" : unknownName("subcommand", name, Object.keys(SUBCOMMANDS));
    platform.printError(`${fault}\n${formatHelp(ACTIONS_LINE)}`);
    return EXIT_USAGE;
  }
  const { line, run } = subcommand;
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  try {
    // Also checks the services file: an invalid one is not edited.
    const { config } = await readConfiguration(platform, services);
    await run(openSession({ args, usage: formatUsage(line), config, services, platform, warn }));
    for (const text of warnings) platform.printError(text);
    return 0;
  } catch (error) {
    return reportFailure(error, platform);
  }
}

function reportFailure(error: unknown, { printError }: Platform): number {
  if (error instanceof ConfigError) return reportConfigError(error, { printError, next: "try again" });
  const isKnown = error instanceof UsageError || error instanceof ServicesFileError ||
    error instanceof ServicesFileLockedError;
  if (!isKnown) throw error;
  printError(error.message);
  if (error instanceof UsageError) return EXIT_USAGE;
  return error instanceof ServicesFileError ? EXIT_CONFIG : EXIT_FAILURE;
}
