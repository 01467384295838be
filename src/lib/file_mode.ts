/**
 * Modes of files with secrets.
 *
 * @module
 */
import { errorText } from "./errors.ts";

/** Mode of a file that only its owner may read and write. */
export const OWNER_ONLY = 0o600;

/** Permissions of group and others. */
export const OTHERS = 0o077;

/**
 * Makes a file readable only by its owner.
 *
 * @returns true if other users could read it before
 * @throws {Error} if its mode cannot be changed; the message follows the file's name, and has the remedy
 */
export async function restrictToOwner(path: string, files: Pick<typeof Deno, "chmod" | "stat">): Promise<boolean> {
  try {
    const { mode } = await files.stat(path);
    if (mode === null || (mode & OTHERS) === 0) return false;
    await files.chmod(path, OWNER_ONLY);
    const after = await files.stat(path);
    if (after.mode !== null && (after.mode & OTHERS) !== 0) throw new Error("the file system does not support modes");
    return true;
  } catch (error) {
    throw new Error(
      `can be read by others and could not be changed to mode 0600: ${errorText(error)}. ` +
        "Run chmod 600 on it as its owner, or set KEY_FILE_MODE=ignore on a file system without modes",
    );
  }
}
