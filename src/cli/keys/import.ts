/**
 * The subcommand `keys import`: brings the keys of a keys file to the place where the gateway has them.
 *
 * @module
 */
import { readKeysFile } from "../../keys/keyring_file.ts";
import type { KeyRecord } from "../../keys/schema.ts";
import { type CommandLine, onlyArgument, readArgs, UsageError } from "../args.ts";
import type { KeysSession } from "./session.ts";

/** Command line of `keys import`. */
export const IMPORT_LINE = {
  synopsis: "deno task keys import [FILE]",
  summary: "Bring the keys of a keys file into Redis, or into KEYS_FILE",
  options: {},
  notes: `Without FILE, those of KEYS_FILE into Redis (KEYS_REDIS=on). Keys that are there
already stay as they are, so the command can be repeated. The file stays, too.`,
} as const satisfies CommandLine;

/** Adds the keys of a file. Those that are there already stay as they are. */
export async function importKeys(session: KeysSession): Promise<void> {
  const { args, config, print, place, services, usage, machine: { files } } = session;
  const { positionals } = readArgs(args, IMPORT_LINE);
  const given = positionals.length === 0 && config.keys.redis === "on" ? [config.keys.keysFile] : positionals;
  const path = onlyArgument(given, { meaning: "keys file to import", usage });
  // Its mode is not changed: it may be a backup.
  const loaded = await readKeysFile(path, { files, services, mode: "ignore" });
  if (loaded === undefined) throw new UsageError(`There is no file "${path}"`);
  const known = await session.read();
  const missing = missingFrom(known, loaded.keys);
  if (missing.length > 0) await session.edit((records) => [...records, ...missingFrom(records, loaded.keys)]);
  print(`Keys imported into ${place}: ${missing.length}. There already: ${loaded.keys.length - missing.length}.`);
  if (path === config.keys.keysFile) {
    print(`The gateway does not read ${path} any more. Remove it, once all replicas have KEYS_REDIS=on.`);
  }
}

/**
 * Returns the records that are not there yet.
 *
 * @throws {UsageError} if another key has the name of one
 */
function missingFrom(records: readonly KeyRecord[], imported: readonly KeyRecord[]): readonly KeyRecord[] {
  const secretOf = new Map(records.map(({ name, secret }) => [name, secret.toHex()]));
  const others = imported.filter(({ name, secret }) => (secretOf.get(name) ?? secret.toHex()) !== secret.toHex());
  if (others.length > 0) {
    const names = others.map(({ name }) => `"${name}"`).join(", ");
    throw new UsageError(
      `Nothing is imported: another key has the name ${names}, or a newer secret. Remove the one that is not right, ` +
        "with deno task keys remove NAME or from the file",
    );
  }
  return imported.filter(({ name }) => !secretOf.has(name));
}
