/**
 * Edits a file that other processes read and edit at the same time: under a lock, and replaced atomically.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errorText, isDiskFull } from "./errors.ts";
import { OWNER_ONLY } from "./file_mode.ts";

/** Functions of `Deno` that an edit needs. */
export type EditFileSystem = Pick<
  typeof Deno,
  "lstat" | "mkdir" | "open" | "realPath" | "remove" | "rename" | "stat" | "writeTextFile"
>;

/** Dependencies and options of an edit. */
export interface EditOptions {
  /** Name of the file in messages, such as `Keys file`. */
  readonly name: string;
  /** File system. */
  readonly files: EditFileSystem;
  /** Error for a file that cannot be read or written. */
  readonly Failure: new (message: string) => Error;
  /** Error for a lock that another process holds for too long. */
  readonly Locked: new (message: string) => Error;
  /** Time limit for the lock, in milliseconds; 10 s by default. */
  readonly waitMs?: number | undefined;
}

/** Result of an edit. */
export interface Edit<T> {
  /** New text of the file. */
  readonly text: string;
  /** Value for the caller. */
  readonly result: T;
}

/** Time limit for the lock: an edit takes a few milliseconds, so a process that holds it for longer hangs. */
const LOCK_WAIT_MS = 10_000;
/** Interval of attempts to lock: a wait in the kernel could not be aborted. */
const LOCK_PAUSE_MS = 50;

/** Returns the files beside a file that an edit of it writes. */
export function editPaths(path: string): { readonly lock: string; readonly temporary: string } {
  return { lock: `${path}.lock`, temporary: `${path}.tmp` };
}

/**
 * Edits a file. Edits wait for each other, and after any failure the file is unchanged.
 *
 * @param path the file, or a link to it; file and directories are created as needed
 * @param edit reads the file at the path that it gets, and returns the new text; an error that it throws ends the edit
 * @returns the result of `edit`
 * @throws {Error} a `Failure` if the file cannot be read or written; a `Locked` if another process holds the lock
 */
export async function editFile<T>(
  path: string,
  edit: (target: string) => Promise<Edit<T>>,
  options: EditOptions,
): Promise<T> {
  const target = await resolveLink(path, options);
  using _lock = await lock(target, options);
  const { text, result } = await edit(target);
  await replace(target, text, options);
  return result;
}

/** Resolves links: renaming a file over a link would replace the link, and not its target. */
async function resolveLink(path: string, options: EditOptions): Promise<string> {
  try {
    return await options.files.realPath(path);
  } catch (error) {
    await throwUnlessAbsent(path, error, options);
    return resolve(path);
  }
}

/**
 * Reads a file.
 *
 * @returns undefined if there is none
 * @throws {Error} a `Failure` if it cannot be read
 */
export async function readIfPresent(
  path: string,
  { files, ...messages }: Pick<EditOptions, "name" | "Failure"> & {
    readonly files: Pick<typeof Deno, "lstat" | "readTextFile">;
  },
): Promise<string | undefined> {
  try {
    return await files.readTextFile(path);
  } catch (error) {
    await throwUnlessAbsent(path, error, { ...messages, files });
    return undefined;
  }
}

/** Throws unless the file does not exist. A link without a target counts as an error: its disk may not be mounted yet. */
async function throwUnlessAbsent(
  path: string,
  error: unknown,
  { name, files, Failure }: Pick<EditOptions, "name" | "Failure"> & { readonly files: Pick<EditFileSystem, "lstat"> },
): Promise<void> {
  if (!(error instanceof Deno.errors.NotFound)) {
    throw new Failure(`${name} "${path}" cannot be read: ${errorText(error)}. Check its path, owner and mode`);
  }
  if (!await files.lstat(path).then(({ isSymlink }) => isSymlink, () => false)) return;
  throw new Failure(
    `${name} "${path}" is a link to a file that does not exist. Mount the disk that it is on, or remove the link`,
  );
}

/**
 * Locks the file until the result is closed, or the process ends. The lock is a separate file, because the file itself is
 * replaced; it remains, because removing it would let a third process lock a new file beside a process that waits.
 */
async function lock(
  target: string,
  { name, files, Failure, Locked, waitMs = LOCK_WAIT_MS }: EditOptions,
): Promise<Deno.FsFile> {
  const { lock: path } = editPaths(target);
  let file: Deno.FsFile | undefined;
  try {
    file = await openLock(path, files);
    for (let waited = 0; waited <= waitMs; waited += LOCK_PAUSE_MS) {
      if (await file.tryLock(true)) return file;
      await pause(LOCK_PAUSE_MS);
    }
  } catch (error) {
    file?.close();
    const remedy = isDiskFull(error)
      ? "Free some space on that disk, then try again"
      : `Edit the ${name.toLowerCase()} as the owner of both, in a writable directory`;
    throw new Failure(`Lock file "${path}" cannot be used: ${errorText(error)}. ${remedy}`);
  }
  file.close();
  throw new Locked(
    `${name} "${target}" is unchanged: another process holds "${path}" for more than ${waitMs / 1000} s. ` +
      "Wait for that process or end it, then try again",
  );
}

/** Opens the file of a lock. Creates its directory only if it is absent: the gateway's sandbox may not create one. */
async function openLock(path: string, files: EditFileSystem): Promise<Deno.FsFile> {
  const open = () => files.open(path, { write: true, create: true, mode: OWNER_ONLY });
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await files.mkdir(dirname(path), { recursive: true });
    return await open();
  }
}

async function replace(path: string, text: string, { name, files, Failure }: EditOptions): Promise<void> {
  const { temporary } = editPaths(path);
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
    throw new Failure(`${name} "${path}" cannot be written and is unchanged: ${errorText(error)}. ${remedy}`);
  } finally {
    // Also after a failure, no copy of secrets may remain.
    await files.remove(temporary).catch(() => {});
  }
}

/** Throws if the new file has another owner: written by root, the gateway's user could not read it. */
async function assertSameOwner(path: string, temporary: string, files: EditFileSystem): Promise<void> {
  const owner = await files.stat(path).then(({ uid }) => uid, () => undefined);
  const { uid } = await files.stat(temporary);
  if (owner !== undefined && owner !== uid) throw new Error(`it belongs to the user with id ${owner}`);
}
