/**
 * Subscriptions, rules and states of keys in the database of the durable state.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { PushOwner, StoredRule, StoredSubscription } from "./push_store.ts";
import { inTransaction } from "./sqlite_transaction.ts";

const ADD_SUBSCRIPTION = `
  INSERT INTO push_subscriptions
    (id, key_name, key_created, kid, endpoint, p256dh, auth, kind, label, created, last_success, last_failure)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
  WHERE EXISTS (SELECT 1 FROM push_subscriptions WHERE key_name = ?2 AND key_created = ?3 AND endpoint = ?5)
  OR (SELECT count(*) FROM push_subscriptions WHERE key_name = ?2 AND key_created = ?3) < ?13
  ON CONFLICT (key_name, key_created, endpoint) DO UPDATE SET
    kid = excluded.kid, p256dh = excluded.p256dh, auth = excluded.auth, kind = excluded.kind, label = excluded.label,
    created = excluded.created, last_success = excluded.last_success, last_failure = excluded.last_failure, retry_at = 0
`;

const FIND_SUBSCRIPTION = `
  SELECT id FROM push_subscriptions WHERE key_name = ?1 AND key_created = ?2 AND endpoint = ?3
`;

const LIST_SUBSCRIPTIONS = `
  SELECT id, key_name, key_created, kid, endpoint, p256dh, auth, kind, label, created, last_success, last_failure
  FROM push_subscriptions ORDER BY created, id
`;

const COUNT_WAITING = "SELECT count(*) AS count FROM push_messages WHERE subscription = ?1 AND is_sending = 0";

const COUNT_WAITING_OF_OWNER = `
  SELECT count(*) AS count FROM push_messages WHERE is_sending = 0 AND subscription IN
    (SELECT id FROM push_subscriptions WHERE key_name = ?1 AND key_created = ?2)
`;

const REMOVE_SUBSCRIPTION = "DELETE FROM push_subscriptions WHERE id = ?1";

const PUT_RULE = `
  INSERT INTO push_rules (key_name, key_created, name, json) SELECT ?1, ?2, ?3, ?4
  WHERE EXISTS (SELECT 1 FROM push_rules WHERE key_name = ?1 AND key_created = ?2 AND name = ?3)
  OR (SELECT count(*) FROM push_rules WHERE key_name = ?1 AND key_created = ?2) < ?5
  ON CONFLICT DO UPDATE SET json = excluded.json
`;

const LIST_RULES = "SELECT key_name, key_created, name, json FROM push_rules ORDER BY key_name, key_created, name";

const REMOVE_RULE = "DELETE FROM push_rules WHERE key_name = ?1 AND key_created = ?2 AND name = ?3";

/** Tables with what a key has; messages go with their subscriptions. */
const TABLES = ["push_subscriptions", "push_rules", "push_rule_states", "push_alerts"];

const LIST_OWNERS = TABLES.map((table) => `SELECT key_name, key_created FROM ${table}`).join(" UNION ") +
  " ORDER BY key_name, key_created";

const READ_STATES = "SELECT json FROM push_rule_states WHERE key_name = ?1 AND key_created = ?2";

const WRITE_STATES = `
  INSERT INTO push_rule_states (key_name, key_created, json) VALUES (?1, ?2, ?3)
  ON CONFLICT DO UPDATE SET json = excluded.json
`;

/** Row of a table. */
type Row = Readonly<Record<string, unknown>>;

/** Adds a subscription, as `PushStore.addSubscription` says. */
export function addSubscription(
  database: DatabaseSync,
  subscription: StoredSubscription,
  max: number,
): string | undefined {
  const { id, key, keyCreated, kid, endpoint, p256dh, auth, kind, label, created } = subscription;
  const { lastSuccess, lastFailure } = subscription;
  const values = [id, key, keyCreated, kid, endpoint, p256dh, auth, kind, label, created, lastSuccess, lastFailure];
  return inTransaction(database, () => {
    const { changes } = database.prepare(ADD_SUBSCRIPTION).run(...values.map((value) => value ?? null), max);
    if (changes === 0) return undefined;
    return String(database.prepare(FIND_SUBSCRIPTION).get(key, keyCreated, endpoint)?.id);
  });
}

/** Lists all subscriptions, by time of creation. */
export function listSubscriptions(database: DatabaseSync): StoredSubscription[] {
  return database.prepare(LIST_SUBSCRIPTIONS).all().map(subscriptionOf);
}

/** Removes a subscription, as `PushStore.removeSubscription` says. */
export function removeSubscription(database: DatabaseSync, id: string): number | undefined {
  return inTransaction(database, () => {
    const count = Number(database.prepare(COUNT_WAITING).get(id)?.count);
    return database.prepare(REMOVE_SUBSCRIPTION).run(id).changes === 0 ? undefined : count;
  });
}

/** Adds a rule, as `PushStore.putRule` says. */
export function putRule(database: DatabaseSync, { key, keyCreated, name, json }: StoredRule, max: number): boolean {
  return database.prepare(PUT_RULE).run(key, keyCreated, name, json, max).changes === 1;
}

/** Lists all rules, by key and name. */
export function listRules(database: DatabaseSync): StoredRule[] {
  return database.prepare(LIST_RULES).all().map((row) => ({
    ...ownerOf(row),
    name: String(row.name),
    json: String(row.json),
  }));
}

/** Removes a rule; false if there is none of that name. */
export function removeRule(database: DatabaseSync, { key, keyCreated }: PushOwner, name: string): boolean {
  return database.prepare(REMOVE_RULE).run(key, keyCreated, name).changes === 1;
}

/** Removes all that a key has. */
export function removeOwner(database: DatabaseSync, { key, keyCreated }: PushOwner): number {
  return inTransaction(database, () => {
    const count = Number(database.prepare(COUNT_WAITING_OF_OWNER).get(key, keyCreated)?.count);
    for (const table of TABLES) {
      database.prepare(`DELETE FROM ${table} WHERE key_name = ?1 AND key_created = ?2`).run(key, keyCreated);
    }
    return count;
  });
}

/** Lists the keys that have anything here. */
export function listOwners(database: DatabaseSync): PushOwner[] {
  return database.prepare(LIST_OWNERS).all().map(ownerOf);
}

/** Reads the states of the rules of a key. */
export function readRuleStates(database: DatabaseSync, { key, keyCreated }: PushOwner): string | undefined {
  const row = database.prepare(READ_STATES).get(key, keyCreated);
  return row === undefined ? undefined : String(row.json);
}

/** Replaces the states of the rules of a key. */
export function writeRuleStates(database: DatabaseSync, { key, keyCreated }: PushOwner, json: string): void {
  database.prepare(WRITE_STATES).run(key, keyCreated, json);
}

/** Returns the key that a row belongs to. */
export function ownerOf(row: Readonly<Record<string, unknown>>): PushOwner {
  return { key: String(row.key_name), keyCreated: Number(row.key_created) };
}

function subscriptionOf(row: Row): StoredSubscription {
  return {
    ...ownerOf(row),
    id: String(row.id),
    kid: String(row.kid),
    endpoint: String(row.endpoint),
    p256dh: String(row.p256dh),
    auth: String(row.auth),
    kind: row.kind === "web" ? "web" : "unifiedpush",
    label: row.label === null ? undefined : String(row.label),
    created: Number(row.created),
    lastSuccess: timeOf(row.last_success),
    lastFailure: timeOf(row.last_failure),
  };
}

function timeOf(value: unknown): number | undefined {
  return value === null ? undefined : Number(value);
}
