/**
 * Keeps a keyring up to date with the files that its keys are in.
 *
 * @module
 */
import type { Log } from "../observability/log.ts";
import type { KeySources, LiveKeyring } from "./keyring.ts";

/** What watching takes. */
export interface KeyWatcherOptions {
  /** The keyring to keep up to date. */
  readonly keyring: LiveKeyring;
  /** Reads all keys, whole, or throws an error with the reason. */
  readonly load: () => Promise<KeySources>;
  /** Tells the state of the files: another text whenever one of them changed. */
  readonly stamp: () => Promise<string>;
  /** How often to look, in milliseconds. A change is loaded once it has been the same for two looks. */
  readonly pollMs: number;
  /** Where it is told what was loaded, and what could not be. */
  readonly log: Log;
}

/** Watches until it is closed. */
export interface KeyWatcher {
  /** Loads the keys at once. Never throws: keys that cannot be loaded leave the ones before in force. */
  reload(): Promise<void>;
  /** Stops, after what is under way. */
  close(): Promise<void>;
}

/**
 * Begins to watch.
 *
 * Looking again and again works on every file system, also where notifications do not come through, as on network
 * drives and in containers.
 *
 * @param loaded the state of the files when the keyring was filled from them
 */
export function watchKeys(options: KeyWatcherOptions, loaded: string): KeyWatcher {
  const { keyring, log } = options;
  let seen = loaded;
  let work = Promise.resolve();

  async function load(): Promise<void> {
    // The stamp comes first: what changes meanwhile is noticed at the next look.
    loaded = await options.stamp();
    try {
      await keyring.replace(await options.load());
      log.info("Keys loaded: {count} secrets work now", { count: keyring.size });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error("Keys not loaded, those before stay in force: {reason}", { reason });
    }
  }

  async function look(): Promise<void> {
    const before = seen;
    seen = await options.stamp();
    // Seen twice the same: an editor that takes two steps to save has taken both.
    if (seen !== loaded && seen === before) await load();
  }

  const after = (step: () => Promise<void>): Promise<void> => work = work.then(step);
  const timer = setInterval(() => {
    keyring.expire();
    after(look);
  }, options.pollMs);

  return {
    reload: () => after(load),
    async close() {
      clearInterval(timer);
      await work;
    },
  };
}
