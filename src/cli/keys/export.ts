/**
 * The subcommand `keys export`: writes all keys into a keys file.
 *
 * @module
 */
import { KeyFileError } from "../../keys/default_key_file.ts";
import { formatKeysFile } from "../../keys/schema.ts";
import { errorText } from "../../lib/errors.ts";
import { OWNER_ONLY } from "../../lib/file_mode.ts";
import { type CommandLine, onlyArgument, readArgs } from "../args.ts";
import type { KeysSession } from "./session.ts";

/** Command line of `keys export`. */
export const EXPORT_LINE = {
  synopsis: "deno task keys export FILE",
  summary: "Write all keys into a new file, for a backup or to leave Redis",
  options: {},
  notes: "The file holds the secrets of all keys, and only its owner can read it.",
} as const satisfies CommandLine;

/** Writes all keys into a file that does not exist yet. */
export async function exportKeys(session: KeysSession): Promise<void> {
  const { positionals } = readArgs(session.args, EXPORT_LINE);
  const path = onlyArgument(positionals, { meaning: "file to write", usage: session.usage });
  const records = await session.read();
  try {
    await session.machine.files.writeTextFile(path, formatKeysFile(records), { createNew: true, mode: OWNER_ONLY });
  } catch (error) {
    const remedy = error instanceof Deno.errors.AlreadyExists ? "Name another file" : "Check its folder";
    throw new KeyFileError(`File "${path}" cannot be written: ${errorText(error)}. ${remedy}`);
  }
  session.print(`Keys written to ${path}: ${records.length}. Anyone who reads that file has all of them.`);
}
