/**
 * The file that keeps the secret key: 64 hexadecimal characters, readable by its owner alone.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { dirname, resolve } from "node:path";
import { KEY_BYTES } from "../protocol/aead.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import { parseKey } from "../protocol/secret_key.ts";

/** The part of `Deno` that keeping a key file takes. */
export type KeyFileSystem = Pick<
  typeof Deno,
  "chmod" | "link" | "mkdir" | "readDir" | "readTextFile" | "remove" | "rename" | "stat" | "writeTextFile"
>;

/** What a key file needs from outside. */
export interface KeyFileOptions {
  /** Where files are. */
  readonly files: KeyFileSystem;
  /** Where a new key comes from. */
  readonly random: RandomBytes;
  /** `strict` insists that only the owner can read the file; `ignore` is for file systems without modes. */
  readonly mode: "strict" | "ignore";
}

/** A key, and what happened on the way to it. */
export interface LoadedKey {
  /** The key, 32 bytes. */
  readonly secret: Bytes;
  /** True when there was no file and this key was made for it. */
  readonly created: boolean;
  /** True when others could read the file until now. */
  readonly tightened: boolean;
}

/** The key file cannot be used. The message says what to do about it, and never quotes the file's content. */
export class KeyFileError extends Error {
  /** Makes the error from its message for the person at the console. */
  constructor(message: string) {
    super(message);
    this.name = "KeyFileError";
  }
}

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/**
 * Loads the key from its file, or makes a new key and file when there is none.
 *
 * @param path the file; directories above it are made as needed
 * @throws {KeyFileError} if the file is not a key, cannot be read or written, or cannot be closed to others
 */
export async function loadOrCreateKey(path: string, options: KeyFileOptions): Promise<LoadedKey> {
  const existing = await loadKey(path, options);
  if (existing !== undefined) return existing;
  const secret = options.random(KEY_BYTES);
  if (await writeKey(path, secret, options)) return { secret, created: true, tightened: false };
  // Another process made the file in the meantime: its key counts, or the two would not understand each other.
  const theirs = await readKey(path, options.files);
  if (theirs !== undefined) return { secret: theirs, created: false, tightened: false };
  throw new KeyFileError(
    `Key file "${path}" is a link to a file that does not exist. Mount the disk that it is on, or remove the link`,
  );
}

/**
 * Loads the key from its file, closed to others from then on.
 *
 * @returns the key, or undefined if there is no such file
 * @throws {KeyFileError} if the file is not a key, cannot be read, or cannot be closed to others
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
 * @returns the key, 32 bytes, or undefined if there is no such file
 * @throws {KeyFileError} if the file is not a key or cannot be read
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
    throw new KeyFileError(`Key file "${path}" cannot be read: ${reason(error)}. Check its path, owner and mode`);
  }
  if (text.includes("\0")) {
    throw new KeyFileError(
      `Key file "${path}" is in UTF-16, as PowerShell and Notepad write it, or is no text. Save it as UTF-8`,
    );
  }
  // Takes a byte order mark of UTF-8 away as well.
  const secret = parseKey(text.trim());
  if (secret === undefined) {
    throw new KeyFileError(
      `Key file "${path}" must hold 64 hexadecimal characters and nothing else. ` +
        "Restore it from a backup, or move it away to have a new key made",
    );
  }
  return secret;
}

/** No file of keys is larger, even with ten thousand of them: more is something else by mistake. */
const MAX_FILE_BYTES = 16 * 2 ** 20;

/**
 * Refuses what is there but is no ordinary file: a pipe would be waited for without end, and a device read for ever.
 *
 * @throws {KeyFileError} if it is no file, or far too large
 */
export async function assertRegularFile(path: string, files: Pick<KeyFileSystem, "stat">): Promise<void> {
  const found = await files.stat(path).catch(() => undefined);
  // What is absent or cannot be looked at is told by whoever reads it.
  if (found === undefined || (found.isFile && found.size <= MAX_FILE_BYTES)) return;
  throw new KeyFileError(`Key file "${path}" must be an ordinary file of at most ${MAX_FILE_BYTES} bytes`);
}

/**
 * Closes a file of keys to everybody but its owner.
 *
 * @returns true if others could read it until now
 * @throws {KeyFileError} if that fails
 */
export async function tighten(path: string, files: Pick<KeyFileSystem, "chmod" | "stat">): Promise<boolean> {
  try {
    const { mode } = await files.stat(path);
    if (mode === null || (mode & OTHERS) === 0) return false;
    await files.chmod(path, OWNER_ONLY);
    const after = await files.stat(path);
    if (after.mode !== null && (after.mode & OTHERS) !== 0) throw new Error("the file system keeps other modes");
    return true;
  } catch (error) {
    throw new KeyFileError(
      `Key file "${path}" can be read by others and could not be changed to mode 0600: ${reason(error)}. ` +
        "Run chmod 600 on it as its owner, or set KEY_FILE_MODE=ignore on a file system without modes",
    );
  }
}

async function writeKey(path: string, secret: Bytes, options: KeyFileOptions): Promise<boolean> {
  const { files, random } = options;
  const directory = dirname(resolve(path));
  const temporary = resolve(directory, `.secret_key.${random(8).toHex()}.tmp`);
  try {
    await files.mkdir(directory, { recursive: true });
    await files.writeTextFile(temporary, `${secret.toHex()}\n`, { createNew: true, mode: OWNER_ONLY });
    return await moveIntoPlace(temporary, path, files);
  } catch (error) {
    throw new KeyFileError(`Key file "${path}" cannot be written: ${reason(error)}. ${writeRemedy(error)}`);
  } finally {
    // Renamed, it is gone already. Whatever happened, on a full disk as well, no copy of a key may stay.
    await files.remove(temporary).catch(() => {});
  }
}

/** Gives the finished file its name and answers true, or false if another file has that name by now. */
async function moveIntoPlace(temporary: string, path: string, files: KeyFileSystem): Promise<boolean> {
  try {
    try {
      await files.link(temporary, path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      // FAT and many network file systems have no links.
      await files.rename(temporary, path);
    }
    return true;
  } catch (error) {
    // Another process has made the key file, and removed this one as a leftover.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function writeRemedy(error: unknown): string {
  return isDiskFull(error)
    ? "Free some space on that disk, then start again"
    : "Make its directory writable for the gateway, or set SECRET_KEY_FILE to a place that is";
}

/** Recognizes a disk, or a user's share of it, that has no room left. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** Name of a key file while it is written. */
const TEMPORARY_NAME = /^\.secret_key\.[\da-f]{16}\.tmp$/;

/**
 * Removes the copies of a key that starts left beside its file when they were killed. To be called when the file is there:
 * before, another process may be about to give its copy the name. Never throws.
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
    // A directory that cannot be listed or written keeps them: the key itself can be used.
  }
}

/** Says why something failed, as far as what was thrown tells. */
export function reason(error: unknown): string {
  return errorText(error);
}
