/**
 * The subcommand `keys master-key`: makes the key that encrypts the keys in Redis.
 *
 * @module
 */
import { KeyFileError, loadOrCreateKey } from "../../keys/default_key_file.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import type { KeysSession } from "./session.ts";

/** Command line of `keys master-key`. */
export const MASTER_KEY_LINE = {
  synopsis: "deno task keys master-key",
  summary: "Make the key that encrypts the keys in Redis, once",
  options: {},
  notes: "It is for all replicas: copy the file that KEYS_MASTER_KEY_FILE names to each.",
} as const satisfies CommandLine;

/** Makes the master key, unless there is one, or Redis has keys that are encrypted with one. */
export async function makeMasterKey(session: KeysSession): Promise<void> {
  const { args, config, random, print, machine: { files } } = session;
  const { positionals } = readArgs(args, MASTER_KEY_LINE);
  if (positionals.length > 0) throw new UsageError(`Remove "${positionals.join(" ")}"\n${session.usage}`);
  const { masterKeyFile: path, fileMode: mode } = config.keys;
  if (path === undefined) {
    throw new UsageError("Set KEYS_REDIS=on and KEYS_MASTER_KEY_FILE first, such as data/master_key.txt");
  }
  if (await files.stat(path).then(() => true, () => false)) {
    throw new KeyFileError(`There is a file "${path}" already. Copy it to each replica`);
  }
  if (await session.hasKeysInRedis()) {
    throw new KeyFileError(
      `Redis has keys, which are encrypted with another master key. Copy the file "${path}" from a replica that has it, ` +
        "or restore it from a backup",
    );
  }
  await loadOrCreateKey(path, { files, random, mode, setting: "KEYS_MASTER_KEY_FILE" });
  print(`The master key is in ${path}. Copy this file to each replica, such as with scp, and back it up.`);
  print("Then bring the keys of a keys file into Redis: deno task keys import");
  print("or give each device its own: deno task keys pair NAME");
}
