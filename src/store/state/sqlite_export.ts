/**
 * All content of the database of the durable state, for its move to a server.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Pairing } from "./pairing_store.ts";
import type { Absence, PushOwner, QueuedMessage, StoredAlert, StoredRule, StoredSubscription } from "./push_store.ts";
import { findPairing } from "./sqlite_pairings.ts";
import { listAbsences } from "./sqlite_push_absences.ts";
import { listOwners, listRules, listSubscriptions, readRuleStates } from "./sqlite_push_keys.ts";
import { listAlerts, messageOf } from "./sqlite_push_queue.ts";
import { inTransaction } from "./sqlite_transaction.ts";

/** Content of a database. */
export interface ExportedState {
  /** Counts of uses. */
  readonly uses: readonly { readonly counter: string; readonly uses: number }[];
  /** Pairing codes, with the time until which a used one is found. */
  readonly pairings: readonly (Pairing & { readonly keptUntil: number | undefined })[];
  /** Subscriptions, with the end of the wait after a failed attempt. */
  readonly subscriptions: readonly (StoredSubscription & { readonly retryAt: number })[];
  /** Rules. */
  readonly rules: readonly StoredRule[];
  /** States of rules, as JSON text. */
  readonly states: readonly (PushOwner & { readonly json: string })[];
  /** Absent keys and secrets, each with the time since when. */
  readonly absences: readonly (Absence & { readonly since: number })[];
  /** Recent alerts, the oldest first. */
  readonly alerts: readonly StoredAlert[];
  /** Messages that wait, the oldest first, with the time at which each was added. */
  readonly messages: readonly (QueuedMessage & { readonly added: number })[];
  /** Number of messages that a process that is gone was sending: they are not exported, as they may have arrived. */
  readonly interrupted: number;
}

const COUNTERS = "SELECT name, uses FROM counters WHERE uses > 0 ORDER BY name";

const PAIRINGS = "SELECT kid, kept_until AS keptUntil FROM pairings ORDER BY kid";

const RETRIES = "SELECT id, retry_at AS retryAt FROM push_subscriptions";

const MESSAGES = "SELECT * FROM push_messages WHERE is_sending = 0 ORDER BY id";

const COUNT_SENDING = "SELECT count(*) AS count FROM push_messages WHERE is_sending = 1";

/** Reads all content, as it is at one moment. */
export function exportState(database: DatabaseSync): ExportedState {
  return inTransaction(database, () => {
    const retries = new Map(database.prepare(RETRIES).all().map(({ id, retryAt }) => [String(id), Number(retryAt)]));
    const owners = listOwners(database);
    return {
      uses: database.prepare(COUNTERS).all().map(({ name, uses }) => ({ counter: String(name), uses: Number(uses) })),
      pairings: database.prepare(PAIRINGS).all().flatMap(({ kid, keptUntil }) => {
        const pairing = findPairing(database, String(kid), -Infinity);
        if (pairing === undefined) return [];
        return [{ ...pairing, keptUntil: keptUntil === null ? undefined : Number(keptUntil) }];
      }),
      subscriptions: listSubscriptions(database).map((one) => ({ ...one, retryAt: retries.get(one.id) ?? 0 })),
      rules: listRules(database),
      states: owners.flatMap((owner) => {
        const json = readRuleStates(database, owner);
        return json === undefined ? [] : [{ ...owner, json }];
      }),
      absences: listAbsences(database),
      alerts: owners.flatMap((owner) => listAlerts(database, owner, Number.MIN_SAFE_INTEGER)),
      messages: database.prepare(MESSAGES).all().map((row) => ({ ...messageOf(row), added: Number(row.added) })),
      interrupted: Number(database.prepare(COUNT_SENDING).get()?.count),
    };
  });
}
