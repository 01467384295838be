/**
 * Lock of the durable state: of several processes, one has it until it ends, however it ends.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { OWNER_ONLY } from "../../lib/file_mode.ts";
import type { Log } from "../../observability/log.ts";
import { stateFileError } from "./sqlite_errors.ts";
import { closedError, type StateFileSystem } from "./state_file.ts";

/** Dependencies of a lock. */
export interface ProcessLockOptions {
  /** File of the database. */
  readonly path: string;
  /** File system. */
  readonly files: Pick<StateFileSystem, "open">;
  /** Logger for a wait. */
  readonly log: Log;
}

/** Interval of attempts while another process has the lock, in milliseconds. */
const PAUSE_MS = 200;

/**
 * Lock that the operating system takes back from a process that is killed. It is a file of its own, which remains: SQLite
 * has locks on the database itself, and loses them when the process closes another handle of that file.
 */
export class ProcessLock {
  readonly #options: ProcessLockOptions;
  readonly #closing = new AbortController();
  #acquiring: Promise<Deno.FsFile> | undefined;

  /** Makes a lock that is not acquired yet. */
  constructor(options: ProcessLockOptions) {
    this.#options = options;
  }

  /**
   * Waits until no other process has the lock, and acquires it. Does nothing if this one has it.
   *
   * @throws {StateFileError} if its file cannot be used, or the lock is closed meanwhile
   */
  async acquire(): Promise<void> {
    this.#acquiring ??= this.#acquire().catch((error) => {
      // After its remedy, the next attempt succeeds.
      this.#acquiring = undefined;
      throw error;
    });
    await this.#acquiring;
  }

  /** Releases the lock. Waits for it end with an error. */
  async close(): Promise<void> {
    const { path } = this.#options;
    if (!this.#closing.signal.aborted) this.#closing.abort(closedError(path));
    const acquiring = this.#acquiring;
    this.#acquiring = undefined;
    (await acquiring?.catch(() => undefined))?.close();
  }

  async #acquire(): Promise<Deno.FsFile> {
    const { path, files, log } = this.#options;
    const { signal } = this.#closing;
    const lockPath = `${path}.lock`;
    let file: Deno.FsFile | undefined;
    try {
      file = await files.open(lockPath, { write: true, create: true, mode: OWNER_ONLY });
      for (let attempt = 1; !await file.tryLock(true); attempt += 1) {
        if (attempt === 1) {
          log.warn("Another process sends the push messages in {file}; this one does once that one ends", {
            file: path,
          });
        }
        await pause(PAUSE_MS, undefined, { signal });
      }
      signal.throwIfAborted();
      return file;
    } catch (error) {
      file?.close();
      throw signal.aborted ? signal.reason : stateFileError(lockPath, error);
    }
  }
}
