/**
 * The command `action`: runs an action that the operator of the gateway named, or lists those that the key may run.
 *
 * @module
 */
import type { Action } from "../client/gateway_client.ts";
import { type CommandLine, readArgs } from "./args.ts";
import { CLIENT_OPTIONS, openClient, printAnswer, runClient } from "./client.ts";
import { PARAM_NOTES, parseParamValues } from "./param_values.ts";
import type { Platform } from "../platform.ts";

/** Command line of `action`. */
export const ACTION_LINE = {
  synopsis: "deno task action [NAME] [PARAM=VALUE...]",
  summary: "Run a named action through the gateway, or list those that the key may run",
  options: CLIENT_OPTIONS,
  notes: PARAM_NOTES,
} as const satisfies CommandLine;

/** Runs the action and prints the gateway's answer. Without a name, it prints a line for each action, and the runs that are left. */
export function action(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [name, ...words] } = readArgs(platform.args, ACTION_LINE);
    const params = parseParamValues(words, ACTION_LINE);
    const client = await openClient(values, platform);
    if (name !== undefined) return printAnswer(await client.action(name, params), platform);
    const { actions, uses } = await client.actions();
    for (const one of actions) platform.print(describe(one));
    if (uses !== undefined) platform.print(`${uses.left} of ${uses.of} runs are left`);
    return 0;
  });
}

/** Describes an action in one line: its name and parameters as they are typed, its text, and its state. */
function describe({ name, label, params = {}, state }: Action): string {
  const words = [name, ...Object.keys(params).map((param) => `${param}=…`)];
  const text = typeof state === "string" ? state : state === null ? "unknown" : JSON.stringify(state);
  return `${words.join(" ")}: ${label}${text === undefined ? "" : ` (now ${text})`}`;
}
