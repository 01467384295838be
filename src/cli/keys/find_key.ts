/**
 * Which key a command line means.
 *
 * @module
 */
import { DEFAULT_KEY_NAME, type KeyRecord } from "../../keys/schema.ts";
import { UsageError } from "../args.ts";
import type { KeysSession } from "./session.ts";

/**
 * Takes the one name that a subcommand is for.
 *
 * @throws {UsageError} if there is none, or more
 */
export function oneName(positionals: readonly string[], { usage }: Pick<KeysSession, "usage">): string {
  const [name, ...others] = positionals;
  if (name === undefined) throw new UsageError(`The name of a key is missing\n${usage}`);
  if (others.length > 0) throw new UsageError(`One name is enough: "${others.join(" ")}" is too much\n${usage}`);
  return name;
}

/**
 * Finds a record by its name.
 *
 * @throws {UsageError} naming the keys that there are
 */
export function findKey(records: readonly KeyRecord[], name: string): KeyRecord {
  const record = records.find((record) => record.name === name);
  if (record !== undefined) return record;
  const known = records.map(({ name }) => name).toSorted().join(", ");
  throw new UsageError(
    `There is no key "${name}"` +
      (known === "" ? `: add it with deno task keys add ${name}` : `. There are: ${known}`),
  );
}

/**
 * Refuses to change the key that is not in the keys file.
 *
 * @throws {UsageError} naming its file, and what to do with it
 */
export function refuseDefault(name: string, { config }: KeysSession): void {
  if (name !== DEFAULT_KEY_NAME) return;
  throw new UsageError(
    `Key "${name}" cannot be changed here: it lives in SECRET_KEY_FILE, "${config.keys.secretKeyFile}". ` +
      "Delete that file once another key exists; or, while there is no other, " +
      "move it away and start the gateway again, which makes a new one",
  );
}
