/**
 * File of the keys of all devices, which the gateway reads while the command `keys` edits it.
 *
 * @module
 */
import { editFile, type EditFileSystem, readIfPresent } from "../lib/edit_file.ts";
import { errorText } from "../lib/errors.ts";
import { assertRegularFile, InvalidKeyFileError, KeyFileError, tighten } from "./default_key_file.ts";
import type { GrantableService } from "./rights.ts";
import { formatKeysFile, type KeyRecord, parseKeysFile } from "./schema.ts";

/** Functions of `Deno` that a keys file needs. */
export type KeysFileSystem = EditFileSystem & Pick<typeof Deno, "chmod" | "readTextFile">;

/** Dependencies and options of a keys file. */
export interface KeysFileOptions {
  /** File system. */
  readonly files: KeysFileSystem;
  /** `strict` makes the file readable only by its owner; `ignore` is for file systems without modes. */
  readonly mode: "strict" | "ignore";
  /** Services that keys may be granted. */
  readonly services: readonly GrantableService[];
  /** Time limit of an edit for the lock, in milliseconds; 10 s by default. */
  readonly waitMs?: number;
}

/** Loaded records, and changes that loading them made. */
export interface LoadedKeys {
  /** Records, in the order of the file. */
  readonly keys: readonly KeyRecord[];
  /** True if other users could read the file, and its mode was changed. */
  readonly tightened: boolean;
}

/** Finished edit. */
export interface KeysFileEdit extends Pick<LoadedKeys, "tightened"> {
  /** Records before the edit; empty if there was no file. */
  readonly before: readonly KeyRecord[];
  /** Records after the edit. */
  readonly after: readonly KeyRecord[];
}

/** Error for a lock that another process holds for too long. The message names the lock file. */
export class KeysFileLockedError extends Error {
  /** Makes the error from its message for the operator. */
  constructor(message: string) {
    super(message);
    this.name = "KeysFileLockedError";
  }
}

/** Name and error of the file in messages. */
const MESSAGES = { name: "Keys file", Failure: KeyFileError } as const;

/**
 * Reads the keys file.
 *
 * @returns the records, or undefined if there is no file
 * @throws {KeyFileError} if it is invalid, cannot be read, or its mode cannot be changed
 */
export async function readKeysFile(path: string, options: KeysFileOptions): Promise<LoadedKeys | undefined> {
  const { files, mode, services } = options;
  await assertRegularFile(path, files);
  const text = await readIfPresent(path, { ...MESSAGES, files });
  if (text === undefined) return undefined;
  const remedy = "Fix it, or restore the file from a backup";
  const keys = parseRecords(text, { place: subjectOf(path), remedy, services });
  // Only now that it is known to be a keys file.
  return { keys, tightened: mode === "strict" && await tighten(path, files) };
}

function subjectOf(path: string): string {
  return `Keys file "${path}"`;
}

/** Place of records, and the services that they may grant. */
export interface RecordsContext {
  /** Place, as the subject of a message. */
  readonly place: string;
  /** Services that keys may be granted. */
  readonly services: readonly GrantableService[];
}

/**
 * Parses records.
 *
 * @throws {InvalidKeyFileError} naming the place and the remedy
 */
export function parseRecords(
  text: string,
  { place, remedy, services }: RecordsContext & { readonly remedy: string },
): KeyRecord[] {
  try {
    return parseKeysFile(text, services);
  } catch (error) {
    throw new InvalidKeyFileError(`${place} is invalid: ${errorText(error)}. ${remedy}`);
  }
}

/** Returns the new records from the old ones. An error that it throws ends the edit, with nothing written. */
export type KeysChange = (records: readonly KeyRecord[]) => readonly KeyRecord[] | Promise<readonly KeyRecord[]>;

/**
 * Edits the keys file, which other processes may read and edit at the same time. The file is replaced atomically, and
 * edits wait for each other. After any failure, the file is unchanged.
 *
 * @param path the file, or a link to it; file and directories are created as needed
 * @throws {KeyFileError} if the file cannot be read or written, or would become invalid
 * @throws {KeysFileLockedError} if another process holds the lock for too long
 */
export async function editKeysFile(
  path: string,
  change: KeysChange,
  options: KeysFileOptions,
): Promise<KeysFileEdit> {
  const { files, waitMs, services } = options;
  return await editFile(path, async (target) => {
    const loaded = await readKeysFile(target, options);
    const before = loaded?.keys ?? [];
    const after = await change(before);
    const text = formatRecords(after, { place: subjectOf(target), services });
    return { text, result: { before, after, tightened: loaded?.tightened ?? false } };
  }, { ...MESSAGES, Locked: KeysFileLockedError, files, waitMs });
}

/**
 * Formats records, and checks that the text can be parsed: an invalid one would disable all keys.
 *
 * @throws {KeyFileError} naming the place, which is unchanged
 */
export function formatRecords(records: readonly KeyRecord[], { place, services }: RecordsContext): string {
  try {
    const text = formatKeysFile(records);
    parseKeysFile(text, services);
    return text;
  } catch (error) {
    throw new KeyFileError(`${place} is unchanged, as the edit would make it invalid: ${errorText(error)}`);
  }
}
