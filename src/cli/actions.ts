/**
 * The command `actions`: edits the actions in the services file, also while the gateway runs.
 *
 * @module
 */
import { readConfiguration } from "../config/configuration.ts";
import type { Platform } from "../platform.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { ADD_LINE, addAction } from "./actions/add.ts";
import { LIST_LINE, listActions } from "./actions/list.ts";
import { REMOVE_LINE, removeAction } from "./actions/remove.ts";
import { type ActionsSession, openSession, ServicesFileError, ServicesFileLockedError } from "./actions/session.ts";
import { SHOW_LINE, showAction } from "./actions/show.ts";
import { type CommandLine, formatCommands } from "./args.ts";
import { linesOf, runSubcommand, type Subcommands } from "./subcommands.ts";

const SUBCOMMANDS: Subcommands<ActionsSession> = {
  list: { line: LIST_LINE, run: listActions },
  add: { line: ADD_LINE, run: addAction },
  show: { line: SHOW_LINE, run: showAction },
  remove: { line: REMOVE_LINE, run: removeAction },
};

/** Command lines of the subcommands, by name. */
export const ACTIONS_SUBCOMMAND_LINES: Readonly<Record<string, CommandLine>> = linesOf(SUBCOMMANDS);

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
  return await runSubcommand(platform, {
    line: ACTIONS_LINE,
    subcommands: SUBCOMMANDS,
    async open(given) {
      // Also checks the services file: an invalid one is not edited.
      const { config } = await readConfiguration(platform, services);
      return openSession({ ...given, config, services, platform });
    },
    Failure: ServicesFileError,
    Locked: ServicesFileLockedError,
  });
}
