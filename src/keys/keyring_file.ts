/**
 * The file that keeps the keys of all devices: read by the gateway, edited by the command `keys` at the same time.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { assertRegularFile, isDiskFull, KeyFileError, reason, tighten } from "./default_key_file.ts";
import { formatKeysFile, type KeyRecord, parseKeysFile } from "./schema.ts";

/** The part of `Deno` that keeping a keys file takes. */
export type KeysFileSystem = Pick<
  typeof Deno,
  "chmod" | "lstat" | "mkdir" | "open" | "readTextFile" | "realPath" | "remove" | "rename" | "stat" | "writeTextFile"
>;

/** What a keys file needs from outside. */
export interface KeysFileOptions {
  /** Where files are. */
  readonly files: KeysFileSystem;
  /** `strict` insists that only the owner can read the file; `ignore` is for file systems without modes. */
  readonly mode: "strict" | "ignore";
  /** An edit's longest wait for another process that edits the file, in milliseconds; 10 s by default. */
  readonly waitMs?: number;
}

/** The records of a keys file, and what happened on the way to them. */
export interface LoadedKeys {
  /** The records, in the order of the file. */
  readonly keys: readonly KeyRecord[];
  /** True when others could read the file until now. */
  readonly tightened: boolean;
}

/** An edit that is done. */
export interface KeysFileEdit extends Pick<LoadedKeys, "tightened"> {
  /** The records as they were; none when there was no file. */
  readonly before: readonly KeyRecord[];
  /** The records as they are now. */
  readonly after: readonly KeyRecord[];
}

/** Another process kept the keys file to itself for too long. The message names the lock file. */
export class KeysFileLockedError extends Error {
  /** Makes the error from its message for the person at the console. */
  constructor(message: string) {
    super(message);
    this.name = "KeysFileLockedError";
  }
}

const OWNER_ONLY = 0o600;

/** An edit takes a few milliseconds: whoever waits this long waits for a process that hangs. */
const LOCK_WAIT_MS = 10_000;
/** How often to look whether a lock is free: waiting in the kernel could not be given up. */
const LOCK_PAUSE_MS = 50;

/**
 * Reads the keys file.
 *
 * @returns the records, or undefined when there is no file
 * @throws {KeyFileError} if it cannot be read or closed to others, or something in it is wrong
 */
export async function readKeysFile(path: string, options: KeysFileOptions): Promise<LoadedKeys | undefined> {
  const { files, mode } = options;
  await assertRegularFile(path, files);
  let text: string;
  try {
    text = await files.readTextFile(path);
  } catch (error) {
    await assertFileAbsent(path, error, files);
    return undefined;
  }
  const keys = parse(path, text);
  // Only now that it is known to be a file of keys, and nobody else's.
  return { keys, tightened: mode === "strict" && await tighten(path, files) };
}

function parse(path: string, text: string): KeyRecord[] {
  try {
    return parseKeysFile(text);
  } catch (error) {
    throw new KeyFileError(
      `Keys file "${path}" is wrong: ${reason(error)}. Mend that, or restore the file from a backup`,
    );
  }
}

/**
 * Changes the keys file while others read it and may want to change it, too. Readers see the old file or the new one,
 * whole; editors wait for each other. When anything fails, the old file stays as it was.
 *
 * @param path the file, or a link to it; it and the directories above it are made as needed
 * @param change makes the new records from the old ones; what it throws ends the edit
 * @throws {KeyFileError} if the file cannot be read or written, or would be wrong afterwards
 * @throws {KeysFileLockedError} if another process does not finish with it
 */
export async function editKeysFile(
  path: string,
  change: (records: readonly KeyRecord[]) => readonly KeyRecord[],
  options: KeysFileOptions,
): Promise<KeysFileEdit> {
  const { files, waitMs = LOCK_WAIT_MS } = options;
  const target = await followLink(path, files);
  using _lock = await lock(target, files, waitMs);
  const loaded = await readKeysFile(target, options);
  const before = loaded?.keys ?? [];
  const after = change(before);
  await replace(target, checkedText(target, after), files);
  return { before, after, tightened: loaded?.tightened ?? false };
}

/** Renaming a file over a link would replace the link, and leave the file that others mean as it was. */
async function followLink(path: string, files: KeysFileSystem): Promise<string> {
  try {
    return await files.realPath(path);
  } catch (error) {
    await assertFileAbsent(path, error, files);
    return resolve(path);
  }
}

/** A disk that is not there yet must not look like a file without keys. */
async function assertFileAbsent(path: string, error: unknown, files: KeysFileSystem): Promise<void> {
  if (!(error instanceof Deno.errors.NotFound)) {
    throw new KeyFileError(`Keys file "${path}" cannot be read: ${reason(error)}. Check its path, owner and mode`);
  }
  if (!await files.lstat(path).then(({ isSymlink }) => isSymlink, () => false)) return;
  throw new KeyFileError(
    `Keys file "${path}" is a link to a file that does not exist. Mount the disk that it is on, or remove the link`,
  );
}

/**
 * Keeps other editors out until the result is closed, or the process dies. The lock has a file of its own, because the
 * keys file is replaced; it stays, because removing it would let a third process in beside one that waits for it.
 */
async function lock(target: string, files: KeysFileSystem, waitMs: number): Promise<Deno.FsFile> {
  const path = `${target}.lock`;
  let file: Deno.FsFile | undefined;
  try {
    await files.mkdir(dirname(path), { recursive: true });
    file = await files.open(path, { write: true, create: true, mode: OWNER_ONLY });
    for (let waited = 0; waited <= waitMs; waited += LOCK_PAUSE_MS) {
      if (await file.tryLock(true)) return file;
      await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
    }
  } catch (error) {
    file?.close();
    const remedy = isDiskFull(error)
      ? "Free some space on that disk, then try again"
      : "Edit the keys as the owner of both, in a writable directory";
    throw new KeyFileError(`Lock file "${path}" cannot be used: ${reason(error)}. ${remedy}`);
  }
  file.close();
  throw new KeysFileLockedError(
    `Keys file "${target}" is left as it was: another process holds "${path}" for more than ${waitMs / 1000} s. ` +
      "Wait for that process or end it, then try again",
  );
}

/** What could not be read back would lock everybody out. */
function checkedText(path: string, records: readonly KeyRecord[]): string {
  try {
    const text = formatKeysFile(records);
    parseKeysFile(text);
    return text;
  } catch (error) {
    throw new KeyFileError(`Keys file "${path}" is left as it was, as the change would spoil it: ${reason(error)}`);
  }
}

async function replace(path: string, text: string, files: KeysFileSystem): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    // Who holds the lock may sweep up after a process that died here. A new file does not follow a planted link.
    await files.remove(temporary).catch(() => {});
    await files.writeTextFile(temporary, text, { createNew: true, mode: OWNER_ONLY });
    {
      // Without this, a power cut shortly after the rename can leave an empty file under the good name.
      using file = await files.open(temporary, { write: true });
      await file.sync();
    }
    await refuseOtherOwner(path, temporary, files);
    await files.rename(temporary, path);
  } catch (error) {
    const remedy = isDiskFull(error)
      ? "Free some space on that disk, then try again"
      : "Edit it as its owner, in a writable directory; a container must mount the directory, not the single file";
    throw new KeyFileError(`Keys file "${path}" cannot be written and is left as it was: ${reason(error)}. ${remedy}`);
  } finally {
    // Renamed, it is gone already. Whatever happened, no copy of the keys may stay.
    await files.remove(temporary).catch(() => {});
  }
}

/** Written by root, the file would be closed to the gateway that runs as somebody else. */
async function refuseOtherOwner(path: string, temporary: string, files: KeysFileSystem): Promise<void> {
  const owner = await files.stat(path).then(({ uid }) => uid, () => undefined);
  const { uid } = await files.stat(temporary);
  if (owner !== undefined && owner !== uid) throw new Error(`it belongs to the user with id ${owner}`);
}
