/**
 * Tables of push messages in the database of the durable state.
 *
 * @module
 */

/**
 * Tables of push messages. The wait after a failed attempt, `retry_at`, is that of the subscription, whose messages keep
 * their order: at most its oldest one is being sent. Numbers of messages are never used twice.
 */
export const PUSH_SCHEMA = `
  CREATE TABLE push_subscriptions (
    id TEXT PRIMARY KEY,
    key_name TEXT NOT NULL,
    key_created INTEGER NOT NULL,
    kid TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('web', 'unifiedpush')),
    label TEXT,
    created INTEGER NOT NULL,
    last_success INTEGER,
    last_failure INTEGER,
    retry_at REAL NOT NULL DEFAULT 0,
    UNIQUE (key_name, key_created, endpoint)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE push_rules (
    key_name TEXT NOT NULL,
    key_created INTEGER NOT NULL,
    name TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (key_name, key_created, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE push_rule_states (
    key_name TEXT NOT NULL,
    key_created INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (key_name, key_created)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE push_alerts (
    number INTEGER PRIMARY KEY,
    key_name TEXT NOT NULL,
    key_created INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX push_alerts_of_key ON push_alerts (key_name, key_created, number);
  CREATE TABLE push_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL REFERENCES push_subscriptions ON DELETE CASCADE,
    alert TEXT NOT NULL,
    added INTEGER NOT NULL,
    text TEXT NOT NULL,
    urgency TEXT NOT NULL CHECK (urgency IN ('very-low', 'low', 'normal', 'high')),
    topic TEXT,
    expires INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    is_shortened INTEGER NOT NULL DEFAULT 0,
    is_sending INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX push_messages_of_subscription ON push_messages (subscription, id);
  CREATE INDEX push_messages_by_end ON push_messages (expires);
`;
