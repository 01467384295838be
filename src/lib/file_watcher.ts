/**
 * Loads files again when they change.
 *
 * @module
 */
import { Mutex } from "./async.ts";
import { errorName, errorText } from "./errors.ts";

/** Files to watch, and the functions that load them. */
export interface FileWatcherOptions {
  /** Loads the files, or throws an error with the reason. */
  readonly load: () => Promise<void>;
  /** Reports why they could not be loaded: once for each reason, until they are loaded again. */
  readonly onFailure: (reason: string) => void;
  /** Returns a text that differs whenever one of the files has changed. Never rejects. */
  readonly fingerprint: () => Promise<string>;
  /** Interval of polls, in milliseconds. A change is loaded at the second poll in a row that finds one. */
  readonly pollMs: number;
}

/** Running watcher. */
export interface FileWatcher {
  /** Loads the files at once. Never throws. */
  reload(): Promise<void>;
  /** Loads the files at once. Throws if they cannot be loaded. */
  load(): Promise<void>;
  /** Stops after the current load. */
  close(): Promise<void>;
}

/** Interval of polls for files that people edit, in milliseconds: a change counts within 2 s. */
export const POLL_MS = 500;

/**
 * Starts to watch, by polling: notifications do not work on all file systems, such as network drives and those of
 * containers.
 *
 * @param loaded fingerprint of the files that are loaded already
 */
export function watchFiles(options: FileWatcherOptions, loaded: string | undefined): FileWatcher {
  let wasChanged = false;
  let isBusy = false;
  let lastReported: string | undefined;
  const mutex = new Mutex();

  /** Returns the error, once it is reported. */
  async function load(): Promise<{ readonly error: unknown } | undefined> {
    // Before loading, so that a change in between is found by the next poll.
    const fingerprint = await options.fingerprint();
    try {
      await options.load();
      loaded = fingerprint;
      lastReported = undefined;
      return undefined;
    } catch (error) {
      // Retried at each poll: the cause may be temporary, or the files may be again as they were before.
      loaded = undefined;
      const reason = errorText(error);
      if (reason !== lastReported) options.onFailure(reason);
      lastReported = reason;
      return { error };
    }
  }

  async function poll(): Promise<void> {
    const hasChanged = await options.fingerprint() !== loaded;
    // At the second poll, as an editor may save in two steps; even if the files have changed again.
    if (hasChanged && wasChanged) await load();
    wasChanged = hasChanged;
  }

  const timer = setInterval(async () => {
    if (isBusy) return;
    isBusy = true;
    await mutex.runExclusive(poll);
    isBusy = false;
  }, options.pollMs);

  return {
    reload: async () => void await mutex.runExclusive(load),
    async load() {
      const failure = await mutex.runExclusive(load);
      if (failure !== undefined) throw failure.error;
    },
    async close() {
      clearInterval(timer);
      await mutex.runExclusive(() => Promise.resolve());
    },
  };
}

/** Returns a text that differs whenever a file was written, replaced, created or removed. Never throws. */
export async function fingerprintOf(paths: readonly string[], files: Pick<typeof Deno, "stat">): Promise<string> {
  const stamps = paths.map(async (path) => {
    try {
      const { mtime, ctime, size, ino } = await files.stat(path);
      return [mtime?.getTime(), ctime?.getTime(), size, ino].join(" ");
    } catch (error) {
      return errorName(error);
    }
  });
  return (await Promise.all(stamps)).join(", ");
}
