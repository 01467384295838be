/**
 * Records of the keys in the keys file.
 *
 * @module
 */
import { fingerprintOf } from "../lib/file_watcher.ts";
import type { KeyStore } from "./key_store.ts";
import { editKeysFile, type KeysFileOptions, readKeysFile } from "./keyring_file.ts";

/** Opens the keys file at a path. */
export function createFileKeyStore(path: string, options: KeysFileOptions): KeyStore {
  return {
    place: path,
    read: () => readKeysFile(path, options),
    edit: (change) => editKeysFile(path, change, options),
    fingerprint: () => fingerprintOf([path], options.files),
    // A file announces nothing on some file systems.
    onChange: () => () => Promise.resolve(),
  };
}
