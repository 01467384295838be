/**
 * Master key, under which the keys' records are encrypted in Redis: a file that the operator copies to each replica.
 *
 * @module
 */
import {
  assertRegularFile,
  InvalidKeyFileError,
  KeyFileError,
  type KeyFileOptions,
  loadKey,
} from "./default_key_file.ts";
import type { Bytes } from "../protocol/bytes.ts";

/**
 * Loads the master key. It is never created here: another replica may have one.
 *
 * @returns the key, 32 bytes, and whether other users could read it, in which case the mode of its file was changed
 * @throws {KeyFileError} if there is no such file, it is invalid or cannot be read, or its mode cannot be changed
 */
export async function loadMasterKey(
  path: string,
  options: Pick<KeyFileOptions, "files" | "mode">,
): Promise<{ readonly secret: Bytes; readonly tightened: boolean }> {
  try {
    await assertRegularFile(path, options.files);
    const key = await loadKey(path, options);
    if (key !== undefined) return key;
  } catch (error) {
    if (!(error instanceof InvalidKeyFileError)) throw error;
    throw new InvalidKeyFileError(
      `The file in KEYS_MASTER_KEY_FILE, "${path}", must hold 64 hexadecimal characters and nothing else. ` +
        "Copy it from another replica, or restore it from a backup",
    );
  }
  throw new KeyFileError(
    `There is no file "${path}", which KEYS_MASTER_KEY_FILE names. Copy it from another replica; for the first ` +
      "replica, make it with: deno task keys master-key",
  );
}
