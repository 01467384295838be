/**
 * The subcommand `actions show`: shows one action, and the keys that may run it.
 *
 * @module
 */
import { type CommandLine, readArgs } from "../args.ts";
import { describeAction, type Row } from "./describe.ts";
import { type ActionsSession, findAction, oneName } from "./session.ts";

/** Command line of `actions show`. */
export const SHOW_LINE = {
  synopsis: "deno task actions show NAME",
  summary: "Show an action, and the keys that may run it",
  options: {},
} as const satisfies CommandLine;

/** Prints a line for each member of an action, and one for its keys. */
export async function showAction(session: ActionsSession): Promise<void> {
  const { positionals } = readArgs(session.args, SHOW_LINE);
  const name = oneName(positionals, session);
  const action = findAction(await session.read(), name);
  const keys = (await session.keysFor(name)).join(", ") || "none but those with every right";
  const rows: Row[] = [["name", name], ...describeAction(action), ["keys", keys]];
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  for (const [label, text] of rows) session.print(`${`${label}:`.padEnd(width)}${text}`);
}
