/**
 * The keys in the files, read and not changed.
 *
 * @module
 */
import type { Bytes } from "../protocol/bytes.ts";
import { KeyFileError, readKey, refuseUnlessFile } from "../keys/default_key_file.ts";
import { DEFAULT_KEY_NAME, type KeyRecord } from "../keys/schema.ts";
import { readKeysFile } from "../keys/keyring_file.ts";
import { SERVICES } from "../services/registry.ts";
import type { DoctorContext } from "./context.ts";

/** What was found. */
export interface FoundKeys {
  /** The single key of `SECRET_KEY_FILE`, 32 bytes. */
  readonly single: Bytes | undefined;
  /** The keys of `KEYS_FILE`; undefined when there is no such file, or it is wrong. */
  readonly records: readonly KeyRecord[] | undefined;
  /** What is wrong with the files: whole sentences with their remedies. */
  readonly faults: readonly string[];
}

/** Reads the files of keys. */
export async function findKeys(
  { config, machine: { files } }: Pick<DoctorContext, "config" | "machine">,
): Promise<FoundKeys> {
  const faults: string[] = [];
  const told = async <T>(reading: Promise<T>): Promise<T | undefined> => {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      faults.push(error.message);
      return undefined;
    }
  };
  const readSingle = async () => {
    await refuseUnlessFile(config.keys.secretKeyFile, files);
    return await readKey(config.keys.secretKeyFile, files);
  };
  const single = await told(readSingle());
  // The doctor changes no modes: it only looks at them.
  const loaded = await told(readKeysFile(config.keys.keysFile, { files, mode: "ignore", services: SERVICES }));
  return { single, records: loaded?.keys, faults };
}

/**
 * Lists the keys that work.
 *
 * @param now the time, in milliseconds since 1970
 */
export function usableKeys({ single, records = [] }: FoundKeys, now: number): Pick<KeyRecord, "name" | "secret">[] {
  const living = records.filter(({ disabled, expires = Infinity }) => !disabled && expires > now);
  return [...single === undefined ? [] : [{ name: DEFAULT_KEY_NAME, secret: single }], ...living];
}
