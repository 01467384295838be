/**
 * Keeps a keyring up to date with the files that its keys are in.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Log } from "../observability/log.ts";
import type { KeySources, LiveKeyring } from "./keyring.ts";

/** What watching takes. */
export interface KeyWatcherOptions {
  /** The keyring to keep up to date. */
  readonly keyring: LiveKeyring;
  /** Reads all keys, whole, or throws an error with the reason. */
  readonly load: () => Promise<KeySources>;
  /** Tells the state of the files: another text whenever one of them changed. Never rejects. */
  readonly fingerprint: () => Promise<string>;
  /** How often to look, in milliseconds. A change is loaded at the second look that finds one. */
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
  let hadChanged = false;
  let isBusy = false;
  let told: string | undefined;
  let work = Promise.resolve();

  async function load(): Promise<void> {
    // The stamp comes first: what changes meanwhile is noticed at the next look.
    const stamp = await options.fingerprint();
    try {
      await keyring.replace(await options.load());
      loaded = stamp;
      told = undefined;
      log.info("Keys loaded. Secrets that work now: {count}", { count: keyring.size });
    } catch (error) {
      // Tried again at each look: it may be for a passing reason, and a key that was removed must not live on.
      const reason = errorText(error);
      if (reason !== told) log.error("Keys not loaded, those before stay in force: {reason}", { reason });
      told = reason;
    }
  }

  async function look(): Promise<void> {
    const hasChanged = await options.fingerprint() !== loaded;
    // Not at the first look, as an editor may take two steps to save; but at the second, whatever goes on changing.
    if (hasChanged && hadChanged) await load();
    hadChanged = hasChanged;
  }

  const after = (step: () => Promise<void>): Promise<void> => work = work.then(step);
  const timer = setInterval(async () => {
    for (const name of keyring.expire()) log.info("Key {name} has reached its end", { name });
    if (isBusy) return;
    isBusy = true;
    await after(look);
    isBusy = false;
  }, options.pollMs);

  return {
    reload: () => after(load),
    async close() {
      clearInterval(timer);
      await work;
    },
  };
}
