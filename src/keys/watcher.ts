/**
 * Reloads a keyring when its key files change.
 *
 * @module
 */
import { Mutex } from "../lib/async.ts";
import { errorText } from "../lib/errors.ts";
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

/** Running watcher. */
export interface KeyWatcher {
  /** Loads the keys at once. Never throws: after a failure, the current keys stay active. */
  reload(): Promise<void>;
  /** Stops after the current load. */
  close(): Promise<void>;
}

/**
 * Starts to watch, by polling: notifications do not work on all file systems, such as network drives and those of
 * containers.
 *
 * @param loaded fingerprint of the files that the keyring was loaded from
 */
export function watchKeys(options: KeyWatcherOptions, loaded: string): KeyWatcher {
  const { keyring, log } = options;
  let wasChanged = false;
  let isBusy = false;
  let lastReported: string | undefined;
  const mutex = new Mutex();

  async function load(): Promise<void> {
    // Before loading, so that a change in between is found by the next poll.
    const fingerprint = await options.fingerprint();
    try {
      await keyring.replace(await options.load());
      loaded = fingerprint;
      lastReported = undefined;
      log.info("Keys loaded. Active secrets: {count}", { count: keyring.size });
    } catch (error) {
      // Retried at each poll: the cause may be temporary, and a removed key must not stay active.
      const reason = errorText(error);
      if (reason !== lastReported) log.error("Keys not loaded, the previous ones stay active: {reason}", { reason });
      lastReported = reason;
    }
  }

  async function poll(): Promise<void> {
    const hasChanged = await options.fingerprint() !== loaded;
    // At the second poll, as an editor may save in two steps; even if the files have changed again.
    if (hasChanged && wasChanged) await load();
    wasChanged = hasChanged;
  }

  const timer = setInterval(async () => {
    for (const name of keyring.expire()) log.info("Key {name} has expired", { name });
    if (isBusy) return;
    isBusy = true;
    await mutex.runExclusive(poll);
    isBusy = false;
  }, options.pollMs);

  return {
    reload: () => mutex.runExclusive(load),
    async close() {
      clearInterval(timer);
      await mutex.runExclusive(() => Promise.resolve());
    },
  };
}
