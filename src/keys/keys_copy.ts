/**
 * Copy of the newest encrypted records that this machine has seen in Redis. It shows that a server lost or was given back
 * older ones, and brings the newer ones back.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { z } from "zod";
import { editFile, type EditFileSystem, readIfPresent } from "../lib/edit_file.ts";
import { tryParseJson } from "../lib/json.ts";
import { assertRegularFile, KeyFileError } from "./default_key_file.ts";
import { KeysFileLockedError } from "./keyring_file.ts";
import type { SealedKeys } from "./keys_cipher.ts";

/** Functions of `Deno` that a copy needs. */
export type KeysCopyFileSystem = EditFileSystem & Pick<typeof Deno, "readTextFile">;

/** Copy of encrypted records. */
export interface KeysCopy {
  /**
   * Reads the copy; undefined if there is none.
   *
   * @throws {KeyFileError} if it cannot be read
   */
  read(): Promise<SealedKeys | undefined>;
  /**
   * Replaces the copy, unless a newer one is there.
   *
   * @throws {KeyFileError} if it cannot be written; {@linkcode KeysFileLockedError}
   */
  write(keys: SealedKeys): Promise<void>;
}

/** Returns the path of the copy: beside the key file, where the sandbox allows the gateway to write. */
export function keysCopyPath(secretKeyFile: string): string {
  return join(dirname(secretKeyFile), "keys_redis.json");
}

const MESSAGES = { name: "Copy of the keys", Failure: KeyFileError, Locked: KeysFileLockedError } as const;

/** Opens the copy at a path. */
export function createKeysCopy(path: string, files: KeysCopyFileSystem): KeysCopy {
  async function read(target: string): Promise<SealedKeys | undefined> {
    await assertRegularFile(target, files);
    const text = await readIfPresent(target, { ...MESSAGES, files });
    if (text === undefined) return undefined;
    const copy = parseCopy(text);
    if (copy !== undefined) return copy;
    throw new KeyFileError(`Copy of the keys "${target}" is damaged. Remove it`);
  }
  return {
    read: () => read(path),
    write: (keys) =>
      editFile(path, async (target) => {
        const before = await read(target).catch(() => undefined);
        const newest = before !== undefined && before.version >= keys.version ? before : keys;
        return { text: `${JSON.stringify(newest)}\n`, result: undefined };
      }, { ...MESSAGES, files }),
  };
}

const schema = z.strictObject({ version: z.int().positive(), sealed: z.base64() });

function parseCopy(text: string): SealedKeys | undefined {
  return schema.safeParse(tryParseJson(text)).data;
}
