/**
 * Place of the records of all keys but `default`: the keys file, or Redis for all replicas.
 *
 * @module
 */
import { KeyFileError } from "./default_key_file.ts";
import type { KeysChange, KeysFileEdit, LoadedKeys } from "./keyring_file.ts";

/** Error for a place that is out of reach for now; the keys that were read before stay in force. */
export class KeysUnavailableError extends KeyFileError {}

/** Place of the keys' records, which other processes read and edit at the same time. */
export interface KeyStore {
  /** Name of the place in messages, such as the path of the keys file. */
  readonly place: string;
  /**
   * Reads the records.
   *
   * @returns undefined if the place is not there yet
   * @throws `KeyFileError` if they are invalid, cannot be read, or are out of reach
   */
  read(): Promise<LoadedKeys | undefined>;
  /**
   * Edits the records. Edits of all processes apply one after the other; after any failure before the write, nothing is
   * changed.
   *
   * @param change may be called again, with the records that another process wrote meanwhile
   * @throws `KeyFileError`, `KeysFileLockedError`, or the error of the change
   */
  edit(change: KeysChange): Promise<KeysFileEdit>;
  /** Returns a text that differs whenever the records may have changed. Never rejects. */
  fingerprint(): Promise<string>;
  /**
   * Calls a function when a change is announced, so that it need not wait for the next look at the fingerprint. An
   * announcement can be lost.
   *
   * @returns the function that ends the calls
   */
  onChange(run: () => void): () => Promise<void>;
}
