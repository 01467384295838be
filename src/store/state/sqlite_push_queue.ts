/**
 * Queue of push messages, and recent alerts, in the database of the durable state.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Urgency } from "../../push/rules/rule.ts";
import {
  type AlertBatch,
  MAX_WAIT_MS,
  type PushOwner,
  type QueuedMessage,
  type QueueLimits,
  type QueueResult,
  type SettledMessage,
  type SettleResult,
  type StoredAlert,
} from "./push_store.ts";
import { ownerOf, writeRuleStates } from "./sqlite_push_keys.ts";
import { inTransaction } from "./sqlite_transaction.ts";

const ADD_ALERT = "INSERT INTO push_alerts (key_name, key_created, id, at, json) VALUES (?1, ?2, ?3, ?4, ?5)";

const REMOVE_OLD_ALERTS = `
  DELETE FROM push_alerts WHERE number IN (
    SELECT number FROM push_alerts WHERE key_name = ?1 AND key_created = ?2 ORDER BY number DESC LIMIT -1 OFFSET ?3
  )
`;

const LIST_ALERTS = `
  SELECT key_name, key_created, id, at, json FROM push_alerts
  WHERE key_name = ?1 AND key_created = ?2 AND at > ?3 ORDER BY number
`;

const HAS_SUBSCRIPTION = "SELECT 1 FROM push_subscriptions WHERE id = ?1";

const REPLACE = "DELETE FROM push_messages WHERE subscription = ?1 AND topic = ?2 AND is_sending = 0";

const ADD_MESSAGE = `
  INSERT INTO push_messages (subscription, alert, text, urgency, topic, expires, added) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?9
  WHERE (SELECT count(*) FROM push_messages WHERE subscription = ?1) < ?7
  AND (SELECT count(*) FROM push_messages) < ?8
`;

const EXPIRE = "DELETE FROM push_messages WHERE expires <= ?1 AND is_sending = 0";

/** The oldest message of each subscription: a search in the index for each, and not one through all messages. */
const HEADS = `
  FROM push_subscriptions AS subscription JOIN push_messages AS message
  ON message.id = (SELECT min(id) FROM push_messages WHERE subscription = subscription.id)
  WHERE message.is_sending = 0
`;

const FIND_DUE = `
  SELECT message.id, message.subscription, alert, text, urgency, topic, expires, attempts, is_shortened ${HEADS}
  AND subscription.id NOT IN (SELECT value FROM json_each(?1)) AND NOT (retry_at > ?2 AND retry_at <= ?2 + ${MAX_WAIT_MS})
  ORDER BY message.id LIMIT ?3
`;

const MARK = "UPDATE push_messages SET is_sending = 1, attempts = attempts + 1 WHERE id = ?1";

const FIND_SENDING = "SELECT subscription, topic FROM push_messages WHERE id = ?1 AND is_sending = 1";

const HAS_NEWER = "SELECT 1 FROM push_messages WHERE subscription = ?1 AND topic = ?2 AND id > ?3";

const REMOVE = "DELETE FROM push_messages WHERE id = ?1";

const RETURN = `
  UPDATE push_messages SET is_sending = 0, text = coalesce(?2, text), is_shortened = max(is_shortened, ?2 IS NOT NULL)
  WHERE id = ?1
`;

const SET_RETRY = "UPDATE push_subscriptions SET retry_at = ?2 WHERE id = ?1";

const SET_SUCCESS = "UPDATE push_subscriptions SET last_success = ?2, retry_at = 0 WHERE id = ?1";

const SET_FAILURE = "UPDATE push_subscriptions SET last_failure = ?2, retry_at = 0 WHERE id = ?1";

const DROP_INTERRUPTED = "DELETE FROM push_messages WHERE is_sending = 1";

const COUNT = "SELECT count(*) AS count FROM push_messages";

const FIND_OLDEST = "SELECT added FROM push_messages ORDER BY id LIMIT 1";

const FIND_NEXT = `
  SELECT min(retry_at) AS next ${HEADS} AND subscription.id NOT IN (SELECT value FROM json_each(?1))
`;

/** Row of a table. */
export type Row = Readonly<Record<string, unknown>>;

/** Adds alerts and their messages, as `PushStore.enqueue` says. */
export function enqueue(
  database: DatabaseSync,
  { key, keyCreated, alerts, ruleStates }: AlertBatch,
  { now, maxPerSubscription, max, maxAlerts }: QueueLimits,
): QueueResult {
  return inTransaction(database, () => {
    for (const { id, at, json } of alerts) database.prepare(ADD_ALERT).run(key, keyCreated, id, at, json);
    database.prepare(REMOVE_OLD_ALERTS).run(key, keyCreated, maxAlerts);
    if (ruleStates !== undefined) writeRuleStates(database, { key, keyCreated }, ruleStates);
    const messages = alerts.flatMap((alert) => alert.messages);
    let [queued, replaced, refused] = [0, 0, 0];
    for (const { subscription, alert, text, urgency, topic = null, expires } of messages) {
      if (database.prepare(HAS_SUBSCRIPTION).get(subscription) === undefined) continue;
      replaced += Number(database.prepare(REPLACE).run(subscription, topic).changes);
      const values = [subscription, alert, text, urgency, topic, expires, maxPerSubscription, max, now];
      const isAdded = database.prepare(ADD_MESSAGE).run(...values).changes === 1;
      queued += isAdded ? 1 : 0;
      refused += isAdded ? 0 : 1;
    }
    return { queued, replaced, refused };
  });
}

/** Lists the recent alerts of a key after a time, the oldest first. */
export function listAlerts(database: DatabaseSync, { key, keyCreated }: PushOwner, since: number): StoredAlert[] {
  return database.prepare(LIST_ALERTS).all(key, keyCreated, since).map((row) => ({
    ...ownerOf(row),
    id: String(row.id),
    at: Number(row.at),
    json: String(row.json),
  }));
}

/** Marks due messages, as `PushStore.claimMessages` says. */
export function claimMessages(
  database: DatabaseSync,
  now: number,
  max: number,
  except: readonly string[],
): { readonly due: readonly QueuedMessage[]; readonly expired: number } {
  return inTransaction(database, () => {
    const expired = Number(database.prepare(EXPIRE).run(now).changes);
    const due = database.prepare(FIND_DUE).all(JSON.stringify(except), now, max).map(messageOf);
    for (const { id } of due) database.prepare(MARK).run(id);
    return { due: due.map((message) => ({ ...message, attempts: message.attempts + 1 })), expired };
  });
}

/** Ends the attempt to send a message, as `PushStore.settleMessage` says. */
export function settleMessage(database: DatabaseSync, id: number, outcome: SettledMessage): SettleResult {
  return inTransaction(database, () => {
    const message = database.prepare(FIND_SENDING).get(id);
    if (message === undefined) return "gone";
    const { subscription = null, topic = null } = message;
    if (outcome.type !== "retry") {
      database.prepare(REMOVE).run(id);
      database.prepare(outcome.type === "sent" ? SET_SUCCESS : SET_FAILURE).run(subscription, outcome.now);
      return "settled";
    }
    database.prepare(SET_RETRY).run(subscription, outcome.at);
    const isReplaced = database.prepare(HAS_NEWER).get(subscription, topic, id) !== undefined;
    if (isReplaced) database.prepare(REMOVE).run(id);
    else database.prepare(RETURN).run(id, outcome.shortened ?? null);
    return isReplaced ? "replaced" : "settled";
  });
}

/** Deletes the messages that are marked as being sent, and returns their number. */
export function dropInterrupted(database: DatabaseSync): number {
  return Number(database.prepare(DROP_INTERRUPTED).run().changes);
}

/** Returns the number of messages, and the time of the next attempt. */
export function queueState(
  database: DatabaseSync,
  except: readonly string[],
): { readonly length: number; readonly next: number | undefined } {
  const next = database.prepare(FIND_NEXT).get(JSON.stringify(except))?.next ?? null;
  return {
    length: Number(database.prepare(COUNT).get()?.count),
    next: next === null ? undefined : Number(next),
  };
}

/** Returns the time at which the oldest message was added; undefined if there is none. */
export function oldestMessage(database: DatabaseSync): number | undefined {
  const added = database.prepare(FIND_OLDEST).get()?.added;
  return added === undefined ? undefined : Number(added);
}

/** Returns the message of a row. */
export function messageOf(row: Row): QueuedMessage {
  return {
    id: Number(row.id),
    subscription: String(row.subscription),
    alert: String(row.alert),
    text: String(row.text),
    urgency: urgencyOf(row.urgency),
    topic: row.topic === null ? undefined : String(row.topic),
    expires: Number(row.expires),
    attempts: Number(row.attempts),
    isShortened: row.is_shortened === 1,
  };
}

function urgencyOf(value: unknown): Urgency {
  switch (value) {
    case "very-low":
    case "low":
    case "high":
      return value;
    default:
      return "normal";
  }
}
