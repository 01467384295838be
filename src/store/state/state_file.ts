/**
 * File of the durable state: its path, its mode, and the checks that need no database.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { errorText } from "../../lib/errors.ts";
import { OWNER_ONLY, restrictToOwner } from "../../lib/file_mode.ts";
import { renameUnlessExists } from "../../lib/rename_unless_exists.ts";
import { StateStoreError } from "./state_store.ts";

/** Functions of `Deno` that a state file needs. */
export type StateFileSystem = Pick<
  typeof Deno,
  "chmod" | "link" | "lstat" | "mkdir" | "open" | "remove" | "rename" | "stat" | "writeTextFile"
>;

/** Error for a state file that cannot be used. The message names the file, and has the remedy. */
export class StateFileError extends StateStoreError {
  /** Makes the error from its message for the operator. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StateFileError";
  }
}

/** Makes the error for the use of a state file that was closed. */
export function closedError(path: string): StateFileError {
  return new StateFileError(`State file "${path}" is closed: the gateway stops`);
}

/** Returns the path of the state file: beside the key file, where the sandbox allows the gateway to write. */
export function stateFileOf(secretKeyFile: string): string {
  return join(dirname(secretKeyFile), "state.db");
}

/** Remedy for a file whose content is lost. */
export const RESTORE: string =
  "Stop the gateway, then restore the file from a backup, or remove it and those that begin with its name: " +
  "all uses count from 0 then, and subscriptions and rules of push are gone";

/**
 * Returns what the file system knows of the state file; undefined if there is none.
 *
 * @throws {StateFileError} if it is not an ordinary file, is empty or cannot be read, or if only its log is there
 */
export async function statStateFile(
  path: string,
  files: Pick<StateFileSystem, "lstat">,
): Promise<Deno.FileInfo | undefined> {
  let info = await lstatIfPresent(path, files);
  if (info === undefined) {
    const log = `${path}-wal`;
    if (await lstatIfPresent(log, files) === undefined) return undefined;
    // Another process may have made both since; otherwise SQLite would write the log of a lost file into a new one.
    info = await lstatIfPresent(path, files);
    if (info === undefined) throw new StateFileError(`State file "${path}" is gone, but "${log}" is there. ${RESTORE}`);
  }
  // SQLite follows links out of the sandbox, and would look for the other files of the database elsewhere.
  if (!info.isFile) {
    throw new StateFileError(
      `State file "${path}" is a link or not an ordinary file. Move the file itself there, or set SECRET_KEY_FILE ` +
        "to a path in the folder that it is in",
    );
  }
  // A new file appears under its name only once it has content; SQLite takes an empty one for a new database.
  if (info.size === 0) throw new StateFileError(`State file "${path}" is empty, so its content is lost. ${RESTORE}`);
  return info;
}

/**
 * Looks for the state file, or another file of the database.
 *
 * @returns undefined if there is none
 * @throws {StateFileError} if it cannot be read
 */
export async function lstatIfPresent(
  path: string,
  files: Pick<StateFileSystem, "lstat">,
): Promise<Deno.FileInfo | undefined> {
  try {
    return await files.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new StateFileError(
      `State file "${path}" cannot be read: ${errorText(error)}. Check its path, owner and mode`,
    );
  }
}

/**
 * Makes the state file, and the other files of the database, readable only by their owner. SQLite creates those with the
 * mode of the state file.
 *
 * @throws {StateFileError} if its mode cannot be changed
 */
export async function tightenStateFile(
  path: string,
  files: Pick<StateFileSystem, "chmod" | "stat">,
): Promise<void> {
  try {
    if (!await restrictToOwner(path, files)) return;
    // Left by a process that was killed; absent otherwise.
    for (const end of ["-wal", "-shm"]) await files.chmod(path + end, OWNER_ONLY).catch(ignoreAbsence);
  } catch (error) {
    throw new StateFileError(`State file "${path}" ${errorText(error)}`);
  }
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/**
 * Creates the state file, unless another process creates it first.
 *
 * @param path the file; directories are created as needed
 * @param fill writes the content of an empty file
 * @returns false if another process created it
 */
export async function createStateFile(
  path: string,
  { files, fill }: { readonly files: StateFileSystem; readonly fill: (path: string) => void },
): Promise<boolean> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  await files.mkdir(dirname(path), { recursive: true });
  try {
    await files.writeTextFile(temporary, "", { createNew: true, mode: OWNER_ONLY });
    fill(temporary);
    return await renameUnlessExists(temporary, path, files);
  } finally {
    await files.remove(temporary).catch(() => {});
  }
}
