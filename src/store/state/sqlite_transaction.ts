/**
 * Transactions of SQLite.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";

/** Runs statements that take effect together, or not at all. */
export function inTransaction<T>(database: DatabaseSync, run: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = run();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // After some failures, SQLite has ended the transaction itself.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
