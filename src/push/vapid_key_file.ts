/**
 * File of the VAPID key, readable only by its owner. It is made once: with another key, no subscription works any more.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { errorText, isDiskFull } from "../lib/errors.ts";
import { OWNER_ONLY, restrictToOwner } from "../lib/file_mode.ts";
import { renameUnlessExists } from "../lib/rename_unless_exists.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { generateVapidKey, parseVapidKey, type VapidKey } from "./vapid_key.ts";

/** Functions of `Deno` that the file needs. */
export type VapidFileSystem = Pick<
  typeof Deno,
  "chmod" | "link" | "mkdir" | "readTextFile" | "remove" | "rename" | "stat" | "writeTextFile"
>;

/** Dependencies and options of the file. */
export interface VapidKeyFileOptions {
  /** File system. */
  readonly files: VapidFileSystem;
  /** Makes the name of the temporary file. */
  readonly random: RandomBytes;
  /** `strict` makes the file readable only by its owner; `ignore` is for file systems without modes. */
  readonly mode: "strict" | "ignore";
}

/** Loaded key, and changes that loading it made. */
export interface LoadedVapidKey {
  /** The key. */
  readonly key: VapidKey;
  /** Text of the file, which `parseVapidKey` parses. Secret. */
  readonly text: string;
  /** True if there was no file, and it was created with a new key. */
  readonly created: boolean;
  /** True if other users could read the file, and its mode was changed. */
  readonly tightened: boolean;
}

/** Error for a file that cannot be used. The message has the remedy, and never the file's content. */
export class VapidKeyFileError extends Error {
  /** Makes the error from what is wrong with the file, with the remedy. */
  constructor(path: string, fault: string) {
    super(`VAPID key file "${path}" ${fault}`);
    this.name = "VapidKeyFileError";
  }
}

/** Largest file, in bytes: a key takes 250. */
const MAX_VAPID_FILE_BYTES = 4096;

/** Returns the path of the file: beside the key file, where the sandbox allows the gateway to write. */
export function vapidKeyFileOf(secretKeyFile: string): string {
  return join(dirname(secretKeyFile), "vapid_key.json");
}

/**
 * Loads the key from its file, or creates the file with a new key.
 *
 * @throws {VapidKeyFileError} if the file is invalid, cannot be read or written, or its mode cannot be changed
 */
export async function loadOrCreateVapidKey(path: string, options: VapidKeyFileOptions): Promise<LoadedVapidKey> {
  const existing = await load(path, options);
  if (existing !== undefined) return { ...existing, created: false };
  const created = await create(path, options);
  // Another process may have created the file in the meantime: both must use that key.
  const loaded = await load(path, options);
  if (loaded !== undefined) return { ...loaded, created };
  throw new VapidKeyFileError(
    path,
    "is a link to a file that does not exist. Mount the disk that it is on, or remove the link",
  );
}

async function load(
  path: string,
  { files, mode }: VapidKeyFileOptions,
): Promise<Omit<LoadedVapidKey, "created"> | undefined> {
  const text = await read(path, files);
  if (text === undefined) return undefined;
  try {
    const tightened = mode === "strict" && await restrictToOwner(path, files);
    return { key: await parseVapidKey(text), text, tightened };
  } catch (error) {
    throw new VapidKeyFileError(path, `cannot be used: ${errorText(error)}`);
  }
}

async function read(path: string, files: VapidFileSystem): Promise<string | undefined> {
  try {
    const { isFile, size } = await files.stat(path);
    // Reading a pipe or a device might never end.
    if (!isFile || size > MAX_VAPID_FILE_BYTES) throw new Error(`it must be an ordinary file of a key`);
    return await files.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new VapidKeyFileError(path, `cannot be read: ${errorText(error)}. Check its path, owner and mode`);
  }
}

/** Creates the file; returns false if another process created it first. */
async function create(path: string, { files, random }: VapidKeyFileOptions): Promise<boolean> {
  const directory = dirname(resolve(path));
  const temporary = resolve(directory, `.vapid_key.${random(8).toHex()}.tmp`);
  try {
    await files.mkdir(directory, { recursive: true });
    await files.writeTextFile(temporary, await generateVapidKey(), { createNew: true, mode: OWNER_ONLY });
    return await renameUnlessExists(temporary, path, files);
  } catch (error) {
    const remedy = isDiskFull(error)
      ? "Free some space on that disk, then start again"
      : "Make its directory writable for the gateway, or set PUSH=off";
    throw new VapidKeyFileError(path, `cannot be written: ${errorText(error)}. ${remedy}`);
  } finally {
    await files.remove(temporary).catch(() => {});
  }
}
