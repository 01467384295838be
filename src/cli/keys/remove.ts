/**
 * The subcommand `keys remove`: deletes a key.
 *
 * @module
 */
import { KeyFileError } from "../../keys/default_key_file.ts";
import { type CommandLine, readArgs } from "../args.ts";
import { findKey, type KeysSession, oneName, refuseDefault } from "./session.ts";

/** Command line of `keys remove`. */
export const REMOVE_LINE = {
  synopsis: "deno task keys remove NAME",
  summary: "Delete a key or its pairing code, without asking",
  options: {},
} as const satisfies CommandLine;

/** Removes a key, without a question, as scripts remove keys, too. */
export async function removeKey(session: KeysSession): Promise<void> {
  const { print } = session;
  const { positionals } = readArgs(session.args, REMOVE_LINE);
  const name = oneName(positionals, session);
  refuseDefault(name, session);
  // Before the key: its code must not make it anew.
  const isWithdrawn = await withdraw(name, session);
  if (isWithdrawn) print(`The pairing code for "${name}" is removed: its link does nothing any more.`);
  if (isWithdrawn && !(await session.read()).some((record) => record.name === name)) return;
  const { after } = await session.edit((records) => {
    const record = findKey(records, name);
    return records.filter((other) => other !== record);
  });
  print(
    `Key "${name}" is removed from ${session.place}: a running gateway refuses it, and ends its open streams, ` +
      "within 2 seconds.",
  );
  print(`It cannot be restored. To make a new one and pair the device again: deno task keys add ${name}`);
  if (after.length === 0 && await session.readDefault() === undefined) {
    session.warn(
      "That was the last key: the gateway answers no request until there is another one: deno task keys pair NAME",
    );
  }
}

/** Removes the pairing code of a name. A failure is a warning: it must not keep the key. */
async function withdraw(name: string, { usePairings, warn }: KeysSession): Promise<boolean> {
  try {
    return await usePairings((pairings) => pairings.removePairings(name));
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    warn(error.message);
    return false;
  }
}
