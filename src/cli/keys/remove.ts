/**
 * The subcommand `keys remove`: forgets a key.
 *
 * @module
 */
import { type CommandLine, readArgs } from "../args.ts";
import { findKey, type KeysSession, oneName, refuseDefault } from "./session.ts";

/** Command line of `keys remove`. */
export const REMOVE_LINE = {
  synopsis: "deno task keys remove NAME",
  summary: "Forget a key, without asking; it cannot be brought back",
  options: {},
} as const satisfies CommandLine;

/** Removes a key, without asking: scripts remove keys, too. */
export async function removeKey(session: KeysSession): Promise<void> {
  const { config, print } = session;
  const { positionals } = readArgs(session.args, REMOVE_LINE);
  const name = oneName(positionals, session);
  refuseDefault(name, session);
  const { after } = await session.edit((records) => {
    const record = findKey(records, name);
    return records.filter((other) => other !== record);
  });
  print(
    `Key "${name}" is gone from ${config.keys.keysFile}: a running gateway refuses it, and ends its open streams, ` +
      "within 2 seconds.",
  );
  print(`It cannot be brought back. For a new one, and a device to pair again: deno task keys add ${name}`);
  if (after.length === 0 && await session.readDefault() === undefined) {
    session.warn("That was the last key: unless you add one, the gateway's next start makes one with every right");
  }
}
