/**
 * Database of the durable state, which several processes may use: its creation, opening, migration and closing.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../observability/log.ts";
import { ProcessLock } from "./process_lock.ts";
import { isBusy, stateFileError } from "./sqlite_errors.ts";
import { PAIRINGS_SCHEMA } from "./sqlite_pairings.ts";
import { PUSH_ABSENCES_SCHEMA } from "./sqlite_push_absences.ts";
import { PUSH_SCHEMA } from "./sqlite_push_schema.ts";
import { inTransaction } from "./sqlite_transaction.ts";
import {
  closedError,
  createStateFile,
  RESTORE,
  StateFileError,
  type StateFileSystem,
  statStateFile,
  tightenStateFile,
} from "./state_file.ts";

/** Dependencies and options of a store. */
export interface SqliteStateOptions {
  /** File of the database. */
  readonly path: string;
  /** File system. */
  readonly files: StateFileSystem;
  /** `strict` makes the file readable only by its owner; `ignore` is for file systems without modes. */
  readonly mode: "strict" | "ignore";
  /** Logger for the creation of the file. */
  readonly log: Log;
  /** Longest wait while another process writes, in milliseconds; 2 s by default. */
  readonly waitMs?: number;
}

/** Statements that make the tables of each version from those of the version before. */
const MIGRATIONS: readonly string[] = [
  "CREATE TABLE counters (name TEXT PRIMARY KEY, uses INTEGER NOT NULL CHECK (uses >= 0)) STRICT, WITHOUT ROWID;",
  PAIRINGS_SCHEMA,
  PUSH_SCHEMA,
  PUSH_ABSENCES_SCHEMA,
];

/** Version of the tables, as the database's `user_version`. */
const SCHEMA_VERSION = MIGRATIONS.length;

/** Time for which another process may write, in milliseconds: a claim takes a few. */
const WAIT_MS = 2000;
/** Interval of attempts while another process writes: a wait in SQLite would stop everything else in this process. */
const PAUSE_MS = 20;

/** Open database. */
interface OpenState {
  readonly database: DatabaseSync;
  /** Number of the file, by which a replaced one is recognized. */
  readonly ino: number | null;
}

/** Database that is opened, and SQLite loaded, at the first use: most gateways store nothing. */
export class StateDatabase {
  readonly #options: SqliteStateOptions;
  readonly #lock: ProcessLock;
  #opening: Promise<OpenState> | undefined;
  #isClosed = false;

  /** Makes a database that has not opened its file yet. */
  constructor(options: SqliteStateOptions) {
    this.#options = options;
    this.#lock = new ProcessLock(options);
  }

  /**
   * Runs statements in the database, and again while another process writes; its file is created if there is none.
   *
   * @throws {StateFileError} if it cannot be used
   */
  async use<T>(run: (database: DatabaseSync) => T): Promise<T> {
    if (await this.#isAbsent()) await this.#create();
    return await this.#use(run);
  }

  /**
   * Runs statements as `use` does, unless there is no file.
   *
   * @param absent result if there is no file
   * @throws {StateFileError} if it cannot be used
   */
  async useIfPresent<T>(absent: T, run: (database: DatabaseSync) => T): Promise<T> {
    return await this.#isAbsent() ? absent : await this.#use(run);
  }

  /**
   * Waits until no other process has the lock of the database, and keeps it until the end.
   *
   * @returns false if there is no file, and so no lock
   * @throws {StateFileError} if it cannot be locked, or is closed meanwhile
   */
  async lockIfPresent(): Promise<boolean> {
    if (await this.#isAbsent()) return false;
    await this.#lock.acquire();
    return true;
  }

  /** Closes the database. Later uses fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = await this.#opening?.catch(() => undefined);
    if (open?.database.isOpen) open.database.close();
    // The last: the process that gets the lock deletes what this one marked and did not settle.
    await this.#lock.close();
  }

  /** Returns true if there is no file, and was none before. */
  async #isAbsent(): Promise<boolean> {
    const { path, files } = this.#options;
    this.#assertNotClosed();
    return this.#opening === undefined && await statStateFile(path, files) === undefined;
  }

  async #create(): Promise<void> {
    const { path, files, log } = this.#options;
    try {
      const { DatabaseSync } = await import("node:sqlite");
      const isCreated = await createStateFile(path, {
        files,
        fill(temporary) {
          using database = new DatabaseSync(temporary);
          inTransaction(database, () => migrate(database, 0));
        },
      });
      if (isCreated) {
        log.warn("State file {file} did not exist and was created: uses of keys count from 0", { file: path });
      }
    } catch (error) {
      throw stateFileError(path, error);
    }
  }

  async #use<T>(run: (database: DatabaseSync) => T): Promise<T> {
    const { path, files, waitMs = WAIT_MS } = this.#options;
    try {
      for (let waited = 0;; waited += PAUSE_MS) {
        try {
          const open = await this.#open();
          await assertSameFile(path, open, files);
          return run(open.database);
        } catch (error) {
          if (!isBusy(error) || waited >= waitMs) throw error;
        }
        await pause(PAUSE_MS);
      }
    } catch (error) {
      throw stateFileError(path, error);
    }
  }

  #open(): Promise<OpenState> {
    this.#assertNotClosed();
    this.#opening ??= openDatabase(this.#options).catch((error) => {
      // After its remedy, the next claim succeeds.
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  #assertNotClosed(): void {
    if (this.#isClosed) throw closedError(this.#options.path);
  }
}

async function openDatabase({ path, files, mode }: SqliteStateOptions): Promise<OpenState> {
  const info = await statStateFile(path, files);
  if (info === undefined) throw new StateFileError(`State file "${path}" was removed just now. ${RESTORE}`);
  if (mode === "strict") await tightenStateFile(path, files);
  const { DatabaseSync } = await import("node:sqlite");
  // SQLite would create a file that was removed in this moment; without tables, it is refused below.
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    const readPragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    const version = Number(readPragma("user_version"));
    if (version > SCHEMA_VERSION) {
      throw new StateFileError(`State file "${path}" is of a newer version of the gateway. Install that version again`);
    }
    if (version < 1 || readPragma("quick_check(1)") !== "ok") {
      throw new StateFileError(`State file "${path}" is damaged. ${RESTORE}`);
    }
    if (readPragma("journal_mode = WAL") !== "wal") throw new Error("its file system does not support shared memory");
    database.exec("PRAGMA synchronous = FULL");
    if (version < SCHEMA_VERSION) {
      // Another process may have migrated it meanwhile.
      inTransaction(database, () => migrate(database, Number(readPragma("user_version"))));
    }
    return { database, ino: info.ino };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Makes the tables of the current version from those of an earlier one; 0 for an empty database. */
function migrate(database: DatabaseSync, version: number): void {
  database.exec([...MIGRATIONS.slice(version), `PRAGMA user_version = ${SCHEMA_VERSION}`].join(";\n"));
}

/** Throws if the file was removed or replaced: what is counted in the open one would be lost at the next start. */
async function assertSameFile(path: string, { ino }: OpenState, files: StateFileSystem): Promise<void> {
  const info = await statStateFile(path, files);
  if (info !== undefined && info.ino === ino) return;
  throw new StateFileError(
    `State file "${path}" was removed or replaced while the gateway ran. ` +
      "Put the right file there, then restart the gateway; without a file, all uses count from 0",
  );
}
