/**
 * Keys and secrets that own something here and are in no key file, in the database of the durable state.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Absence } from "./push_store.ts";
import { ownerOf } from "./sqlite_push_keys.ts";
import { inTransaction } from "./sqlite_transaction.ts";

/** Table of absences. */
export const PUSH_ABSENCES_SCHEMA = `
  CREATE TABLE push_absences (
    key_name TEXT NOT NULL,
    key_created INTEGER NOT NULL,
    kid TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (key_name, key_created, kid)
  ) STRICT, WITHOUT ROWID;
`;

const LIST = "SELECT key_name, key_created, kid, since FROM push_absences";

const ADD = "INSERT INTO push_absences (key_name, key_created, kid, since) VALUES (?1, ?2, ?3, ?4)";

/** Replaces the absences, as `PushStore.setAbsences` says. */
export function setAbsences(database: DatabaseSync, absences: readonly Absence[], now: number): number[] {
  const before = list(database);
  // Nothing is written in the usual case.
  if (before.size === absences.length && absences.every((one) => (before.get(idOf(one)) ?? Infinity) <= now)) {
    return absences.map((one) => before.get(idOf(one)) ?? now);
  }
  return inTransaction(database, () => {
    const known = list(database);
    database.exec("DELETE FROM push_absences");
    return absences.map((one) => {
      const since = Math.min(known.get(idOf(one)) ?? now, now);
      database.prepare(ADD).run(one.key, one.keyCreated, one.kid, since);
      return since;
    });
  });
}

/** Lists the absences, each with the time since when. */
export function listAbsences(database: DatabaseSync): (Absence & { readonly since: number })[] {
  return database.prepare(LIST).all().map((row) => (
    { ...ownerOf(row), kid: String(row.kid), since: Number(row.since) }
  ));
}

function list(database: DatabaseSync): ReadonlyMap<string, number> {
  return new Map(listAbsences(database).map((one) => [idOf(one), one.since]));
}

function idOf({ key, keyCreated, kid }: Absence): string {
  return `${key} ${keyCreated} ${kid}`;
}
