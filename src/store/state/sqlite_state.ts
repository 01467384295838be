/**
 * Durable state in an embedded database, which a crash or a power failure leaves complete.
 *
 * @module
 */
import type { FoundPairing, Pairing, PairingClaim, PairingLimit, PendingPairing } from "./pairing_store.ts";
import { type SqliteStateOptions, StateDatabase } from "./sqlite_database.ts";
import * as pairings from "./sqlite_pairings.ts";
import { SqlitePush } from "./sqlite_push.ts";
import type { StateStore } from "./state_store.ts";

/** Counts one use in one statement, so of two processes that claim the last use, one succeeds. */
const CLAIM = `
  INSERT INTO counters (name, uses) SELECT ?1, 1 WHERE ?2 > 0
  ON CONFLICT (name) DO UPDATE SET uses = uses + 1 WHERE uses < ?2
`;

const RETURN = "UPDATE counters SET uses = uses - 1 WHERE name = ?1 AND uses > 0";

const READ = "SELECT uses FROM counters WHERE name = ?1";

/** Store in a SQLite database, which several processes may use. */
export class SqliteState extends SqlitePush implements StateStore {
  readonly #database: StateDatabase;

  /** Makes a store that has not opened its file yet. */
  constructor(options: SqliteStateOptions) {
    const database = new StateDatabase(options);
    super(database);
    this.#database = database;
  }

  /** Counts one use, as {@linkcode StateStore.claimUse} says; the file is created if there is none. */
  claimUse(counter: string, limit: number): Promise<boolean> {
    // run() ends the transaction before it returns, so its failure is an error here.
    return this.#database.use((database) => database.prepare(CLAIM).run(counter, limit).changes === 1);
  }

  /** Takes back one counted use; nothing if there is no file. */
  returnUse(counter: string): Promise<void> {
    return this.#database.useIfPresent(undefined, (database) => void database.prepare(RETURN).run(counter));
  }

  /** Returns the number of counted uses; 0 if there is no file. */
  readUses(counter: string): Promise<number> {
    return this.#database.useIfPresent(0, (database) => Number(database.prepare(READ).get(counter)?.uses ?? 0));
  }

  /** Adds a code, as {@linkcode StateStore.addPairing} says; the file is created if there is none. */
  addPairing(pairing: Pairing, limit: PairingLimit): Promise<boolean> {
    return this.#database.use((database) => pairings.addPairing(database, pairing, limit));
  }

  /** Finds a code by the id of its key; undefined if there is no file. */
  findPairing(kid: string, now: number): Promise<FoundPairing | undefined> {
    return this.#database.useIfPresent(undefined, (database) => pairings.findPairing(database, kid, now));
  }

  /** Marks a code as used; false if there is no file. */
  claimPairing(kid: string, claim: PairingClaim): Promise<boolean> {
    return this.#database.useIfPresent(false, (database) => pairings.claimPairing(database, kid, claim));
  }

  /** Makes a used code valid again; nothing if there is no file. */
  returnPairing(kid: string): Promise<void> {
    return this.#database.useIfPresent(undefined, (database) => pairings.returnPairing(database, kid));
  }

  /** Lists the codes that wait for their devices; none if there is no file. */
  listPairings(now: number): Promise<readonly PendingPairing[]> {
    return this.#database.useIfPresent([], (database) => pairings.listPairings(database, now));
  }

  /** Removes the codes of a name; false if there is no file. */
  removePairings(name: string): Promise<boolean> {
    return this.#database.useIfPresent(false, (database) => pairings.removePairings(database, name));
  }

  /**
   * Opens the file if there is one.
   *
   * @throws {StateFileError} if it cannot be used
   */
  check(): Promise<void> {
    return this.#database.useIfPresent(undefined, () => {});
  }

  /** Closes the database. Later claims fail. */
  close(): Promise<void> {
    return this.#database.close();
  }
}
