/**
 * Keys, and access to those files. Nothing is changed.
 *
 * @module
 */
import { assertRegularFile, KeyFileError, readKey } from "../keys/default_key_file.ts";
import { OTHERS } from "../lib/file_mode.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../keys/schema.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { SERVICES } from "../services/registry.ts";
import { failed, type Finding, warning } from "./check.ts";
import type { DoctorContext, Machine } from "./context.ts";

/** Keys, and problems with their places. */
export interface FoundKeys {
  /** Secret of the default key in `SECRET_KEY_FILE`, 32 bytes. */
  readonly single: Bytes | undefined;
  /** Keys of `KEYS_FILE` or of Redis; undefined if there is none, or it is invalid. */
  readonly records: readonly KeyRecord[] | undefined;
  /** Problems with the places: whole sentences with their remedies. */
  readonly faults: readonly string[];
}

/** Reads the keys. */
export async function findKeys(
  { config, machine: { files } }: Pick<DoctorContext, "config" | "machine">,
): Promise<FoundKeys> {
  const faults: string[] = [];
  const tryRead = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      faults.push(error.message);
      return undefined;
    }
  };
  const single = await tryRead(async () => {
    await assertRegularFile(config.keys.secretKeyFile, files);
    return await readKey(config.keys.secretKeyFile, files);
  });
  // Modes are checked separately, and not changed.
  const { readKeyRecords } = await import("../app/key_store.ts");
  const records = await tryRead(() => readKeyRecords(config, { files, services: SERVICES }));
  return { single, records, faults };
}

/**
 * Lists the keys that are neither disabled nor expired.
 *
 * @param now the time, in milliseconds since 1970
 */
export function usableKeys({ single, records = [] }: FoundKeys, now: number): Pick<KeyRecord, "name" | "secret">[] {
  const usable = records.filter(({ disabled, expires = Infinity }) => !disabled && expires > now);
  return [...single === undefined ? [] : [{ name: DEFAULT_KEY_NAME, secret: single }], ...usable];
}

/** Files and directories to check. */
export interface FileAccessOptions {
  /** Files, of which some may be absent. */
  readonly files: readonly string[];
  /** Directories of the files. */
  readonly directories: readonly string[];
  /** `ignore` on a file system without modes: then only the free space is checked. */
  readonly mode: "strict" | "ignore";
  /** Machine. */
  readonly machine: Pick<Machine, "files" | "freeBytes">;
}

const OWNER_WRITES = 0o200;

/** Free space below which a disk counts as full, in bytes. */
const MIN_FREE_BYTES = 8 * 2 ** 20;

/**
 * Checks modes, owners and free space of files and directories, without writing. Files that cannot be read are reported
 * by {@linkcode findKeys}.
 */
export async function checkFileAccess({ files, directories, mode, machine }: FileAccessOptions): Promise<Finding[]> {
  const stat = (path: string) => machine.files.stat(path).catch(() => undefined);
  const problems: Finding[] = [];
  const owners = new Map<number, string>();
  for (const path of mode === "strict" ? files : []) {
    const info = await stat(path);
    if (info === undefined) continue;
    if (info.uid !== null) owners.set(info.uid, path);
    if (((info.mode ?? 0) & OTHERS) !== 0) {
      const octal = ((info.mode ?? 0) & 0o777).toString(8).padStart(4, "0");
      problems.push(
        warning(`"${path}" can be read by others: its mode is ${octal}`, `Restrict it: chmod 600 ${path}`),
      );
    }
  }
  for (const path of directories) {
    const info = await stat(path);
    if (info === undefined) continue;
    if (mode === "strict" && info.mode !== null && (info.mode & OWNER_WRITES) === 0) {
      problems.push(
        failed(`Directory "${path}" cannot be written by its owner`, `Allow its owner to write: chmod u+w ${path}`),
      );
    }
    if (mode === "strict" && info.uid !== null) owners.set(info.uid, path);
    const freeBytes = await machine.freeBytes(path);
    if (freeBytes !== undefined && freeBytes < MIN_FREE_BYTES) {
      problems.push(failed(`The disk of "${path}" is full`, "Free some space, or new keys cannot be written"));
    }
  }
  if (owners.size > 1) {
    const list = [...owners].map(([uid, path]) => `"${path}" to user ${uid}`).join(", ");
    problems.push(
      warning(`Keys and directory have several owners: ${list}`, "Give all to the user that runs the gateway: chown"),
    );
  }
  return problems;
}
