/**
 * Durable state in an embedded database, which a crash or a power failure leaves complete.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../observability/log.ts";
import {
  createStateFile,
  RESTORE,
  StateFileError,
  type StateFileSystem,
  statStateFile,
  tightenStateFile,
} from "./state_file.ts";
import { MemoryPush } from "./memory_push.ts";
import type { FoundPairing, Pairing, PairingClaim, PairingLimit, PendingPairing } from "./pairing_store.ts";
import { isBusy, stateFileError } from "./sqlite_errors.ts";
import * as pairings from "./sqlite_pairings.ts";
import type { StateStore } from "./state_store.ts";

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
  pairings.PAIRINGS_SCHEMA,
];

/** Version of the tables, as the database's `user_version`. */
const SCHEMA_VERSION = MIGRATIONS.length;

/** Counts one use in one statement, so of two processes that claim the last use, one succeeds. */
const CLAIM = `
  INSERT INTO counters (name, uses) SELECT ?1, 1 WHERE ?2 > 0
  ON CONFLICT (name) DO UPDATE SET uses = uses + 1 WHERE uses < ?2
`;

const RETURN = "UPDATE counters SET uses = uses - 1 WHERE name = ?1 AND uses > 0";

const READ = "SELECT uses FROM counters WHERE name = ?1";

/** Time for which another process may write, in milliseconds: a claim takes a few. */
const WAIT_MS = 2000;
/** Interval of attempts while another process writes: a wait in SQLite would stop everything else in this process. */
const PAUSE_MS = 20;

/** Open database with its statements. */
interface OpenState {
  readonly database: DatabaseSync;
  readonly claim: StatementSync;
  readonly giveBack: StatementSync;
  readonly read: StatementSync;
  /** Number of the file, by which a replaced one is recognized. */
  readonly ino: number | null;
}

/**
 * Store in a SQLite database, which several processes may use. It is opened, and SQLite loaded, at the first use: most
 * gateways count nothing.
 */
export class SqliteState extends MemoryPush implements StateStore {
  readonly #options: SqliteStateOptions;
  #opening: Promise<OpenState> | undefined;
  #isClosed = false;

  /** Makes a store that has not opened its file yet. */
  constructor(options: SqliteStateOptions) {
    super();
    this.#options = options;
  }

  /** Counts one use, as {@linkcode StateStore.claimUse} says; the file is created if there is none. */
  async claimUse(counter: string, limit: number): Promise<boolean> {
    if (await this.#isAbsent()) await this.#create();
    // run() ends the transaction before it returns, so its failure is an error here.
    return await this.#use(({ claim }) => claim.run(counter, limit).changes === 1);
  }

  /** Takes back one counted use; nothing if there is no file. */
  async returnUse(counter: string): Promise<void> {
    if (await this.#isAbsent()) return;
    await this.#use(({ giveBack }) => void giveBack.run(counter));
  }

  /** Returns the number of counted uses; 0 if there is no file. */
  async readUses(counter: string): Promise<number> {
    if (await this.#isAbsent()) return 0;
    return await this.#use(({ read }) => Number(read.get(counter)?.uses ?? 0));
  }

  /** Adds a code, as {@linkcode StateStore.addPairing} says; the file is created if there is none. */
  async addPairing(pairing: Pairing, limit: PairingLimit): Promise<boolean> {
    if (await this.#isAbsent()) await this.#create();
    return await this.#use(({ database }) => pairings.addPairing(database, pairing, limit));
  }

  /** Finds a code by the id of its key; undefined if there is no file. */
  async findPairing(kid: string, now: number): Promise<FoundPairing | undefined> {
    if (await this.#isAbsent()) return undefined;
    return await this.#use(({ database }) => pairings.findPairing(database, kid, now));
  }

  /** Marks a code as used; false if there is no file. */
  async claimPairing(kid: string, claim: PairingClaim): Promise<boolean> {
    if (await this.#isAbsent()) return false;
    return await this.#use(({ database }) => pairings.claimPairing(database, kid, claim));
  }

  /** Makes a used code valid again; nothing if there is no file. */
  async returnPairing(kid: string): Promise<void> {
    if (await this.#isAbsent()) return;
    await this.#use(({ database }) => pairings.returnPairing(database, kid));
  }

  /** Lists the codes that wait for their devices; none if there is no file. */
  async listPairings(now: number): Promise<readonly PendingPairing[]> {
    if (await this.#isAbsent()) return [];
    return await this.#use(({ database }) => pairings.listPairings(database, now));
  }

  /** Removes the codes of a name; false if there is no file. */
  async removePairings(name: string): Promise<boolean> {
    if (await this.#isAbsent()) return false;
    return await this.#use(({ database }) => pairings.removePairings(database, name));
  }

  /**
   * Opens the file if there is one.
   *
   * @throws {StateFileError} if it cannot be used
   */
  async check(): Promise<void> {
    if (!await this.#isAbsent()) await this.#use(() => {});
  }

  /** Closes the database. Later claims fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = await this.#opening?.catch(() => undefined);
    if (open?.database.isOpen) open.database.close();
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
          migrate(database, 0);
        },
      });
      if (isCreated) {
        log.warn("State file {file} did not exist and was created: uses of keys count from 0", { file: path });
      }
    } catch (error) {
      throw stateFileError(path, error);
    }
  }

  /** Runs a statement, and again while another process writes. */
  async #use<T>(run: (open: OpenState) => T): Promise<T> {
    const { path, files, waitMs = WAIT_MS } = this.#options;
    try {
      for (let waited = 0;; waited += PAUSE_MS) {
        try {
          const open = await this.#open();
          await assertSameFile(path, open, files);
          return run(open);
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
    if (this.#isClosed) throw new StateFileError(`State file "${this.#options.path}" is closed: the gateway stops`);
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
      database.exec("BEGIN IMMEDIATE");
      // Another process may have migrated it meanwhile.
      migrate(database, Number(readPragma("user_version")));
      database.exec("COMMIT");
    }
    const [claim, giveBack, read] = [database.prepare(CLAIM), database.prepare(RETURN), database.prepare(READ)];
    return { database, claim, giveBack, read, ino: info.ino };
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
