/**
 * File of the keys of all devices, which the gateway reads while the command `keys` edits it.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../lib/errors.ts";
import { OWNER_ONLY } from "../lib/file_mode.ts";
import { assertRegularFile, isDiskFull, KeyFileError, tighten } from "./default_key_file.ts";
import type { GrantableService } from "./rights.ts";
import { formatKeysFile, type KeyRecord, parseKeysFile } from "./schema.ts";

/** Functions of `Deno` that a keys file needs. */
export type KeysFileSystem = Pick<
  typeof Deno,
  "chmod" | "lstat" | "mkdir" | "open" | "readTextFile" | "realPath" | "remove" | "rename" | "stat" | "writeTextFile"
>;

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

/** Time limit for the lock: an edit takes a few milliseconds, so a process that holds it for longer hangs. */
const LOCK_WAIT_MS = 10_000;
/** Interval of attempts to lock: a wait in the kernel could not be aborted. */
const LOCK_PAUSE_MS = 50;

/**
 * Reads the keys file.
 *
 * @returns the records, or undefined if there is no file
 * @throws {KeyFileError} if it is invalid, cannot be read, or its mode cannot be changed
 */
export async function readKeysFile(path: string, options: KeysFileOptions): Promise<LoadedKeys | undefined> {
  const { files, mode, services } = options;
  await assertRegularFile(path, files);
  let text: string;
  try {
    text = await files.readTextFile(path);
  } catch (error) {
    await throwUnlessAbsent(path, error, files);
    return undefined;
  }
  const keys = parse(path, text, services);
  // Only now that it is known to be a keys file.
  return { keys, tightened: mode === "strict" && await tighten(path, files) };
}

function parse(path: string, text: string, services: readonly GrantableService[]): KeyRecord[] {
  try {
    return parseKeysFile(text, services);
  } catch (error) {
    throw new KeyFileError(
      `Keys file "${path}" is invalid: ${errorText(error)}. Fix it, or restore the file from a backup`,
    );
  }
}

/**
 * Edits the keys file, which other processes may read and edit at the same time. The file is replaced atomically, and
 * edits wait for each other. After any failure, the file is unchanged.
 *
 * @param path the file, or a link to it; file and directories are created as needed
 * @param change returns the new records from the old ones; an error that it throws ends the edit
 * @throws {KeyFileError} if the file cannot be read or written, or would become invalid
 * @throws {KeysFileLockedError} if another process holds the lock for too long
 */
export async function editKeysFile(
  path: string,
  change: (records: readonly KeyRecord[]) => readonly KeyRecord[],
  options: KeysFileOptions,
): Promise<KeysFileEdit> {
  const { files, waitMs = LOCK_WAIT_MS } = options;
  const target = await resolveLink(path, files);
  using _lock = await lock(target, files, waitMs);
  const loaded = await readKeysFile(target, options);
  const before = loaded?.keys ?? [];
  const after = change(before);
  await replace(target, formatChecked(target, after, options.services), files);
  return { before, after, tightened: loaded?.tightened ?? false };
}

/** Resolves links: renaming a file over a link would replace the link, and not its target. */
async function resolveLink(path: string, files: KeysFileSystem): Promise<string> {
  try {
    return await files.realPath(path);
  } catch (error) {
    await throwUnlessAbsent(path, error, files);
    return resolve(path);
  }
}

/** Throws unless the file does not exist. A link without a target counts as an error: its disk may not be mounted yet. */
async function throwUnlessAbsent(path: string, error: unknown, files: KeysFileSystem): Promise<void> {
  if (!(error instanceof Deno.errors.NotFound)) {
    throw new KeyFileError(`Keys file "${path}" cannot be read: ${errorText(error)}. Check its path, owner and mode`);
  }
  if (!await files.lstat(path).then(({ isSymlink }) => isSymlink, () => false)) return;
  throw new KeyFileError(
    `Keys file "${path}" is a link to a file that does not exist. Mount the disk that it is on, or remove the link`,
  );
}

/**
 * Locks the keys file until the result is closed, or the process ends. The lock is a separate file, because the keys file
 * is replaced; it remains, because removing it would let a third process lock a new file beside a process that waits.
 */
async function lock(target: string, files: KeysFileSystem, waitMs: number): Promise<Deno.FsFile> {
  const path = `${target}.lock`;
  let file: Deno.FsFile | undefined;
  try {
    await files.mkdir(dirname(path), { recursive: true });
    file = await files.open(path, { write: true, create: true, mode: OWNER_ONLY });
    for (let waited = 0; waited <= waitMs; waited += LOCK_PAUSE_MS) {
      if (await file.tryLock(true)) return file;
      await pause(LOCK_PAUSE_MS);
    }
  } catch (error) {
    file?.close();
    const remedy = isDiskFull(error)
      ? "Free some space on that disk, then try again"
      : "Edit the keys as the owner of both, in a writable directory";
    throw new KeyFileError(`Lock file "${path}" cannot be used: ${errorText(error)}. ${remedy}`);
  }
  file.close();
  throw new KeysFileLockedError(
    `Keys file "${target}" is unchanged: another process holds "${path}" for more than ${waitMs / 1000} s. ` +
      "Wait for that process or end it, then try again",
  );
}

/** Formats the records, and checks that the text can be parsed: an invalid file would disable all keys. */
function formatChecked(
  path: string,
  records: readonly KeyRecord[],
  services: readonly GrantableService[],
): string {
  try {
    const text = formatKeysFile(records);
    parseKeysFile(text, services);
    return text;
  } catch (error) {
    throw new KeyFileError(`Keys file "${path}" is unchanged, as the edit would make it invalid: ${errorText(error)}`);
  }
}

async function replace(path: string, text: string, files: KeysFileSystem): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    // A temporary file of a process that was killed here. `createNew` does not follow a planted link.
    await files.remove(temporary).catch(() => {});
    await files.writeTextFile(temporary, text, { createNew: true, mode: OWNER_ONLY });
    {
      // Otherwise a power failure shortly after the rename can leave an empty file.
      using file = await files.open(temporary, { write: true });
      await file.sync();
    }
    await assertSameOwner(path, temporary, files);
    await files.rename(temporary, path);
  } catch (error) {
    const remedy = isDiskFull(error)
      ? "Free some space on that disk, then try again"
      : "Edit it as its owner, in a writable directory; a container must mount the directory, not the single file";
    throw new KeyFileError(`Keys file "${path}" cannot be written and is unchanged: ${errorText(error)}. ${remedy}`);
  } finally {
    // Also after a failure, no copy of the keys may remain.
    await files.remove(temporary).catch(() => {});
  }
}

/** Throws if the new file has another owner: written by root, the gateway's user could not read it. */
async function assertSameOwner(path: string, temporary: string, files: KeysFileSystem): Promise<void> {
  const owner = await files.stat(path).then(({ uid }) => uid, () => undefined);
  const { uid } = await files.stat(temporary);
  if (owner !== undefined && owner !== uid) throw new Error(`it belongs to the user with id ${owner}`);
}
