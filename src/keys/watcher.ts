/**
 * Reloads a keyring when its keys change.
 *
 * @module
 */
import { type FileWatcher, watchFiles } from "../lib/file_watcher.ts";
import { InvalidKeyFileError } from "./default_key_file.ts";
import type { Log } from "../observability/log.ts";
import type { KeySources, LiveKeyring } from "./keyring.ts";

/** Keyring, its files, and a logger. */
export interface KeyWatcherOptions {
  /** Keyring to update. */
  readonly keyring: LiveKeyring;
  /** Reads all keys, or throws an error with the reason. */
  readonly load: () => Promise<KeySources>;
  /** Returns a text that differs whenever one of the files has changed. Never rejects. */
  readonly fingerprint: () => Promise<string>;
  /** Interval of polls, in milliseconds. A change is loaded at the second poll in a row that finds one. */
  readonly pollMs: number;
  /** Logger for loads and failures. */
  readonly log: Log;
}

/**
 * Starts to watch the files, and the keys for their expiry. After a failure, the current keys stay active.
 *
 * @param loaded fingerprint of the files that the keyring was loaded from
 */
export function watchKeys(options: KeyWatcherOptions, loaded: string): FileWatcher {
  const { keyring, fingerprint, pollMs, log } = options;
  const expiry = setInterval(() => {
    for (const name of keyring.expire()) log.info("Key {name} has expired", { name });
  }, pollMs);
  const watcher = watchFiles({
    async load() {
      await keyring.replace(await options.load());
      log.info("Keys loaded. Active secrets: {count}", { count: keyring.size });
    },
    onFailure: (reason) => log.error("Keys not loaded, the previous ones stay active: {reason}", { reason }),
    isContentFault: (error) => error instanceof InvalidKeyFileError,
    fingerprint,
    pollMs,
  }, loaded);
  return {
    reload: () => watcher.reload(),
    load: () => watcher.load(),
    close() {
      clearInterval(expiry);
      return watcher.close();
    },
  };
}
