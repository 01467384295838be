/**
 * Pairing codes in the database of the durable state.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { FoundPairing, Pairing, PairingClaim, PairingLimit, PendingPairing } from "./pairing_store.ts";

/** Table of the codes. `kept_until` is null until a code is used. */
export const PAIRINGS_SCHEMA = `
  CREATE TABLE pairings (
    kid TEXT PRIMARY KEY,
    secret BLOB NOT NULL,
    name TEXT NOT NULL,
    record TEXT,
    expires INTEGER NOT NULL,
    kept_until INTEGER
  ) STRICT, WITHOUT ROWID;
`;

const REMOVE_OLD = "DELETE FROM pairings WHERE coalesce(kept_until, expires) <= ?1";

const REMOVE_WAITING = "DELETE FROM pairings WHERE name = ?1 AND kept_until IS NULL";

const REMOVE_NAME = "DELETE FROM pairings WHERE name = ?1 RETURNING kept_until AS keptUntil";

const ADD = `
  INSERT INTO pairings (kid, secret, name, record, expires) SELECT ?1, ?2, ?3, ?4, ?5
  WHERE (SELECT count(*) FROM pairings WHERE kept_until IS NULL) < ?6
`;

const FIND = `
  SELECT secret, name, record, expires, kept_until AS keptUntil FROM pairings
  WHERE kid = ?1 AND coalesce(kept_until, expires) > ?2
`;

const CLAIM = "UPDATE pairings SET kept_until = ?3 WHERE kid = ?1 AND kept_until IS NULL AND expires > ?2";

const RETURN = `
  UPDATE pairings SET kept_until = NULL WHERE kid = ?1
  AND NOT EXISTS (SELECT 1 FROM pairings AS other WHERE other.name = pairings.name AND other.kept_until IS NULL)
`;

const LIST = "SELECT name, record, expires FROM pairings WHERE kept_until IS NULL AND expires > ?1 ORDER BY name";

/** Adds a code, as `PairingStore.addPairing` says. */
export function addPairing(
  database: DatabaseSync,
  { kid, secret, name, record, expires }: Pairing,
  { now, max }: PairingLimit,
): boolean {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.prepare(REMOVE_OLD).run(now);
    database.prepare(REMOVE_WAITING).run(name);
    const isAdded = database.prepare(ADD).run(kid, secret, name, record ?? null, expires, max).changes === 1;
    database.exec(isAdded ? "COMMIT" : "ROLLBACK");
    return isAdded;
  } catch (error) {
    // After some failures, SQLite has ended the transaction itself.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Finds a code, as `PairingStore.findPairing` says. */
export function findPairing(database: DatabaseSync, kid: string, now: number): FoundPairing | undefined {
  const row = database.prepare(FIND).get(kid, now);
  if (row === undefined || !(row.secret instanceof Uint8Array)) return undefined;
  return { kid, secret: new Uint8Array(row.secret), ...pendingOf(row), isUsed: row.keptUntil !== null };
}

/** Marks a code as used, as `PairingStore.claimPairing` says. */
export function claimPairing(database: DatabaseSync, kid: string, { now, keepUntil }: PairingClaim): boolean {
  database.prepare(REMOVE_OLD).run(now);
  return database.prepare(CLAIM).run(kid, now, keepUntil).changes === 1;
}

/** Makes a used code valid again, as `PairingStore.returnPairing` says. */
export function returnPairing(database: DatabaseSync, kid: string): void {
  database.prepare(RETURN).run(kid);
}

/** Lists the codes that wait for their devices. */
export function listPairings(database: DatabaseSync, now: number): PendingPairing[] {
  return database.prepare(LIST).all(now).map(pendingOf);
}

/** Removes the codes of a name. */
export function removePairings(database: DatabaseSync, name: string): boolean {
  return database.prepare(REMOVE_NAME).all(name).some(({ keptUntil }) => keptUntil === null);
}

function pendingOf({ name, record, expires }: Readonly<Record<string, unknown>>): PendingPairing {
  return { name: String(name), record: record === null ? undefined : String(record), expires: Number(expires) };
}
