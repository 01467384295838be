/**
 * File of the default key: 64 hexadecimal characters, readable only by its owner.
 *
 * @module
 */
import { errorText, isDiskFull } from "../lib/errors.ts";
import { OWNER_ONLY, restrictToOwner } from "../lib/file_mode.ts";
import { renameUnlessExists } from "../lib/rename_unless_exists.ts";
import { dirname, resolve } from "node:path";
import { KEY_BYTES } from "../protocol/aead.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import { parseKey } from "../protocol/secret_key.ts";

/** Functions of `Deno` that a key file needs. */
export type KeyFileSystem = Pick<
  typeof Deno,
  "chmod" | "link" | "mkdir" | "readDir" | "readTextFile" | "remove" | "rename" | "stat" | "writeTextFile"
>;

/** Dependencies and options of a key file. */
export interface KeyFileOptions {
  /** File system. */
  readonly files: KeyFileSystem;
  /** Makes random bytes, for a new key. */
  readonly random: RandomBytes;
  /** `strict` makes the file readable only by its owner; `ignore` is for file systems without modes. */
  readonly mode: "strict" | "ignore";
  /** Setting that names the file, for messages; `SECRET_KEY_FILE` by default. */
  readonly setting?: string;
}

/** Loaded key, and changes that loading it made. */
export interface LoadedKey {
  /** Secret, 32 bytes. */
  readonly secret: Bytes;
  /** True if there was no file, and it was created with a new key. */
  readonly created: boolean;
  /** True if other users could read the file, and its mode was changed. */
  readonly tightened: boolean;
}

/** Error for a key file that cannot be used. The message has the remedy, and never the file's content. */
export class KeyFileError extends Error {
  /** Makes the error from its message for the operator. */
  constructor(message: string) {
    super(message);
    this.name = "KeyFileError";
  }
}

/** Error for a key file whose content is invalid. */
export class InvalidKeyFileError extends KeyFileError {}

/**
 * Loads the key from its file, or creates the file with a new key.
 *
 * @param path the file; directories are created as needed
 * @throws {KeyFileError} if the file is invalid, cannot be read or written, or its mode cannot be changed
 */
export async function loadOrCreateKey(path: string, options: KeyFileOptions): Promise<LoadedKey> {
  const existing = await loadKey(path, options);
  if (existing !== undefined) return existing;
  const secret = options.random(KEY_BYTES);
  if (await writeKey(path, secret, options)) return { secret, created: true, tightened: false };
  // Another process created the file in the meantime: both must use that key.
  const theirs = await readKey(path, options.files);
  if (theirs !== undefined) return { secret: theirs, created: false, tightened: false };
  throw new KeyFileError(
    `Key file "${path}" is a link to a file that does not exist. Mount the disk that it is on, or remove the link`,
  );
}

/**
 * Loads the key from its file, and makes the file readable only by its owner.
 *
 * @returns the key, or undefined if there is no such file
 * @throws {KeyFileError} if the file is invalid, cannot be read, or its mode cannot be changed
 */
export async function loadKey(
  path: string,
  { files, mode }: Pick<KeyFileOptions, "files" | "mode">,
): Promise<LoadedKey | undefined> {
  const secret = await readKey(path, files);
  if (secret === undefined) return undefined;
  return { secret, created: false, tightened: mode === "strict" && await tighten(path, files) };
}

/**
 * Reads the key from its file.
 *
 * @returns the secret, 32 bytes, or undefined if there is no such file
 * @throws {KeyFileError} if the file is invalid or cannot be read
 */
export async function readKey(
  path: string,
  files: Pick<KeyFileSystem, "readTextFile">,
): Promise<Bytes | undefined> {
  let text: string;
  try {
    text = await files.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new KeyFileError(`Key file "${path}" cannot be read: ${errorText(error)}. Check its path, owner and mode`);
  }
  if (text.includes("\0")) {
    throw new InvalidKeyFileError(
      `Key file "${path}" is in UTF-16, as PowerShell and Notepad write it, or is not a text file. Save it as UTF-8`,
    );
  }
  // trim() also removes a byte order mark.
  const secret = parseKey(text.trim());
  if (secret === undefined) {
    throw new InvalidKeyFileError(
      `Key file "${path}" must hold 64 hexadecimal characters and nothing else. ` +
        "Restore it from a backup, or move it away to have a new key created",
    );
  }
  return secret;
}

/** Largest key file: ten thousand keys need less. */
const MAX_FILE_BYTES = 16 * 2 ** 20;

/**
 * Checks that a path is an ordinary file if it exists: reading a pipe or a device might never end.
 *
 * @throws {KeyFileError} if it is not an ordinary file, or too large
 */
export async function assertRegularFile(path: string, files: Pick<KeyFileSystem, "stat">): Promise<void> {
  const info = await files.stat(path).catch(() => undefined);
  // An absent or unreadable file is reported when it is read.
  if (info === undefined || (info.isFile && info.size <= MAX_FILE_BYTES)) return;
  throw new KeyFileError(`Key file "${path}" must be an ordinary file of at most ${MAX_FILE_BYTES} bytes`);
}

/**
 * Makes a key file readable only by its owner.
 *
 * @returns true if other users could read it before
 * @throws {KeyFileError} if its mode cannot be changed
 */
export async function tighten(path: string, files: Pick<KeyFileSystem, "chmod" | "stat">): Promise<boolean> {
  try {
    return await restrictToOwner(path, files);
  } catch (error) {
    throw new KeyFileError(`Key file "${path}" ${errorText(error)}`);
  }
}

async function writeKey(path: string, secret: Bytes, options: KeyFileOptions): Promise<boolean> {
  const { files, random } = options;
  const directory = dirname(resolve(path));
  const temporary = resolve(directory, `.secret_key.${random(8).toHex()}.tmp`);
  try {
    await files.mkdir(directory, { recursive: true });
    await files.writeTextFile(temporary, `${secret.toHex()}\n`, { createNew: true, mode: OWNER_ONLY });
    return await publishUnlessExists(temporary, path, files);
  } catch (error) {
    throw new KeyFileError(`Key file "${path}" cannot be written: ${errorText(error)}. ${writeRemedy(error, options)}`);
  } finally {
    // Also after a failure, such as a full disk, no copy of a key may remain.
    await files.remove(temporary).catch(() => {});
  }
}

/** Gives a finished file its name; returns false if another file has that name by now. */
async function publishUnlessExists(temporary: string, path: string, files: KeyFileSystem): Promise<boolean> {
  try {
    return await renameUnlessExists(temporary, path, files);
  } catch (error) {
    // Another process created the key file, and removed this temporary file.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function writeRemedy(error: unknown, { setting = "SECRET_KEY_FILE" }: Pick<KeyFileOptions, "setting">): string {
  return isDiskFull(error)
    ? "Free some space on that disk, then start again"
    : `Make its directory writable for the gateway, or set ${setting} to a path in one that is`;
}

/** Names of temporary key files. */
const TEMPORARY_NAME = /^\.secret_key\.[\da-f]{16}\.tmp$/;

/**
 * Removes temporary key files of processes that were killed. Call it when the key file exists: before, another process may
 * be about to rename its temporary file. Never throws.
 *
 * @param path the key file
 */
export async function removeLeftovers(path: string, files: Pick<KeyFileSystem, "readDir" | "remove">): Promise<void> {
  const directory = dirname(resolve(path));
  try {
    for await (const { name } of files.readDir(directory)) {
      if (TEMPORARY_NAME.test(name)) await files.remove(resolve(directory, name));
    }
  } catch {
    // They remain in a directory that cannot be listed or written; the key itself can be used.
  }
}
