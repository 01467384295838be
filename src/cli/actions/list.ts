/**
 * The subcommand `actions list`: shows the actions with what they do.
 *
 * @module
 */
import { type CommandLine, readOptions } from "../args.ts";
import { describeAction } from "./describe.ts";
import type { ActionsSession } from "./session.ts";

/** Command line of `actions list`. */
export const LIST_LINE = {
  synopsis: "deno task actions list",
  summary: "Show all actions, and what each does",
  options: {},
} as const satisfies CommandLine;

/** Members of an action that hold its request. */
const REQUESTS: readonly string[] = ["publish", "call", "http", "homeAssistant"];

/** Prints two lines for each action: its name and label, and its request. */
export async function listActions(session: ActionsSession): Promise<void> {
  readOptions(session.args, LIST_LINE);
  const { path, print } = session;
  const actions = await session.read();
  if (actions.size === 0) return print(`There is no action in ${path}. Add one: deno task actions add NAME`);
  const width = Math.max(...[...actions.keys()].map((name) => name.length));
  for (const [name, action] of actions) {
    print(`${name.padEnd(width)}  ${action["label"]}`);
    const rows = describeAction(action).filter(([label]) => REQUESTS.includes(label));
    for (const [label, text] of rows) print(`  ${label}: ${text}`);
  }
}
