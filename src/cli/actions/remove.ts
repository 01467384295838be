/**
 * The subcommand `actions remove`: deletes an action from the services file.
 *
 * @module
 */
import { removeEntry } from "../../lib/yaml_edit.ts";
import { ACTIONS_SECTION } from "../../services/action/section.ts";
import { type CommandLine, readArgs } from "../args.ts";
import { type ActionsSession, findAction, oneName } from "./session.ts";

/** Command line of `actions remove`. */
export const REMOVE_LINE = {
  synopsis: "deno task actions remove NAME",
  summary: "Delete an action, without asking",
  options: {},
} as const satisfies CommandLine;

/** Removes an action, and names the keys that could run it. */
export async function removeAction(session: ActionsSession): Promise<void> {
  const { path, print, warn } = session;
  const { positionals } = readArgs(session.args, REMOVE_LINE);
  const name = oneName(positionals, session);
  await session.edit((text, actions) => {
    findAction(actions, name);
    return removeEntry(text, { section: ACTIONS_SECTION.name, name });
  });
  print(`Action "${name}" is removed from ${path}. A running gateway applies this within 2 seconds.`);
  const keys = await session.keysFor(name);
  if (keys.length > 0) warn(`Still granted to ${keys.join(", ")}: a new action of this name could be run by them`);
}
