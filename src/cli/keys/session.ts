/**
 * What each subcommand of `keys` works with.
 *
 * @module
 */
import type { Config } from "../../config/settings.ts";
import type { Bytes, RandomBytes } from "../../protocol/bytes.ts";
import { assertRegularFile, readKey } from "../../keys/default_key_file.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../../keys/schema.ts";
import { editKeysFile, type KeysFileEdit, readKeysFile } from "../../keys/keyring_file.ts";
import type { Platform } from "../../platform.ts";
import { UsageError } from "../args.ts";
import type { AddressSource } from "./gateway_addresses.ts";
import { overlapLeft } from "../../keys/status.ts";

/** The keys and the console. */
export interface KeysSession {
  /** Words after the subcommand's name. */
  readonly args: readonly string[];
  /** How the subcommand's command line goes, for a person who got it wrong. */
  readonly usage: string;
  /** The settings. */
  readonly config: Config;
  /** The time, in milliseconds since 1970; it stands still for the length of one command. */
  readonly now: number;
  /** Where new secrets come from. */
  readonly random: RandomBytes;
  /** Prints a line for the person at the console. */
  readonly print: (line: string) => void;
  /** Part of the machine that knows the gateway's addresses. */
  readonly machine: AddressSource;
  /** Says a line about something to beware of, once the subcommand has ended: below all that it prints. */
  readonly warn: (line: string) => void;
  /**
   * Reads the records of the keys file; none when there is no file.
   *
   * @throws `KeyFileError`
   */
  read(): Promise<readonly KeyRecord[]>;
  /**
   * Changes the keys file. What `change` throws ends the edit, with nothing written.
   *
   * @throws `KeyFileError`, `KeysFileLockedError`
   */
  edit(change: (records: readonly KeyRecord[]) => readonly KeyRecord[]): Promise<KeysFileEdit>;
  /**
   * Reads the key that has a file of its own, 32 bytes; undefined when there is no such file.
   *
   * @throws `KeyFileError`
   */
  readDefault(): Promise<Bytes | undefined>;
}

/** What opening a session takes. */
export interface KeysSessionOptions extends Pick<KeysSession, "args" | "usage" | "config" | "now" | "random" | "warn"> {
  /** The machine. */
  readonly platform: AddressSource & Pick<Platform, "print">;
}

/** Opens a session on the configured files. */
export function openSession({ platform, ...given }: KeysSessionOptions): KeysSession {
  const { keysFile: path, secretKeyFile, fileMode: mode } = given.config.keys;
  const options = { files: platform.files, mode };
  const warnIf = (tightened: boolean) => {
    if (tightened) given.warn(`Keys file "${path}" could be read by others: its mode is 0600 now`);
  };
  /** A secret that does not work any more has no business in the file. */
  const forgetOld = (record: KeyRecord): KeyRecord =>
    overlapLeft(record, given.now) > 0 ? record : { ...record, previous: undefined };
  return {
    ...given,
    machine: platform,
    print: platform.print,
    async read() {
      const loaded = await readKeysFile(path, options);
      warnIf(loaded?.tightened ?? false);
      return loaded?.keys ?? [];
    },
    async edit(change) {
      const edit = await editKeysFile(path, (records) => change(records.map(forgetOld)), options);
      warnIf(edit.tightened);
      return edit;
    },
    async readDefault() {
      await assertRegularFile(secretKeyFile, platform.files);
      return await readKey(secretKeyFile, platform.files);
    },
  };
}

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

/**
 * Changes some fields of a key in the keys file.
 *
 * @param name its name
 * @param change tells the fields that become others, from the record as it is
 * @returns the record as it was
 * @throws `UsageError` if there is no such key, or it is not in this file; `KeyFileError`, `KeysFileLockedError`
 */
export async function changeKey(
  session: KeysSession,
  name: string,
  change: (record: KeyRecord) => Partial<KeyRecord>,
): Promise<KeyRecord> {
  refuseDefault(name, session);
  const { before } = await session.edit((records) => {
    const record = findKey(records, name);
    return records.with(records.indexOf(record), { ...record, ...change(record) });
  });
  return findKey(before, name);
}
