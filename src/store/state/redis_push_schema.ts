/**
 * Keys of push messages on a server of Valkey or Redis, and the part that their scripts share.
 *
 * @module
 */
import { z } from "zod";
import type { RedisRunner } from "./redis_database.ts";
import type { PushOwner } from "./push_store.ts";

/**
 * Parts of the state, as the scripts name them. An owner is `CREATED:NAME` of its key. Texts that a script need not read
 * are JSON of their own.
 *
 * - `subscriptions`: owner → JSON of an object with the subscriptions by id; `owner_of`: id → owner
 * - `success`, `failure`, `retry`: id of a subscription → time
 * - `rules`: owner → JSON of an object with the rules by name; `states`: owner → states of the rules
 * - `absences`: owner and id of a secret, as JSON text → time
 * - `alert_owners`: owners with recent alerts, each of which has a list of its own
 * - `messages`: number → message; `attempts`, `shortened`, `topics`: number → what changes, or is searched for
 * - `queues`: id of a subscription → numbers of its messages, with commas
 * - `sending`: number of a marked message → id of its subscription; `expiries`: numbers by the end of their lifetime
 * - `last_id`: last number; `run`: run of the server that made it
 * - `lease`: token and renewals of the process that listens and sends, and the run of the server that saw it take the lease
 */
const PARTS = [
  ...["subscriptions", "owner_of", "success", "failure", "retry", "rules", "states", "absences", "alert_owners"],
  ...["messages", "attempts", "shortened", "topics", "queues", "sending", "expiries", "last_id", "run", "lease"],
];

/** Beginning of each script. */
export const PUSH_PRELUDE = `
local ${PARTS.join(", ")} = unpack(KEYS)
local function read_table(hash, field)
  return cjson.decode(redis.call("HGET", hash, field) or "{}")
end
local function write_table(hash, field, content)
  if next(content) == nil then redis.call("HDEL", hash, field)
  else redis.call("HSET", hash, field, cjson.encode(content)) end
end
local function is_sending(id)
  return redis.call("HEXISTS", sending, id) == 1
end
local function messages_of(subscription)
  local ids = {}
  for id in string.gmatch(redis.call("HGET", queues, subscription) or "", "%d+") do ids[#ids + 1] = id end
  return ids
end
local function remove_message(id, subscription)
  local left = {}
  for _, one in ipairs(messages_of(subscription)) do
    if one ~= id then left[#left + 1] = one end
  end
  if #left == 0 then redis.call("HDEL", queues, subscription)
  else redis.call("HSET", queues, subscription, table.concat(left, ",")) end
  for _, hash in ipairs({ messages, attempts, shortened, topics, sending }) do redis.call("HDEL", hash, id) end
  redis.call("ZREM", expiries, id)
end
local function remove_subscription(subscription)
  local waited = 0
  for _, id in ipairs(messages_of(subscription)) do
    if not is_sending(id) then waited = waited + 1 end
    remove_message(id, subscription)
  end
  for _, hash in ipairs({ owner_of, success, failure, retry }) do redis.call("HDEL", hash, subscription) end
  return waited
end
local function server_run()
  return string.match(redis.call("INFO", "server"), "run_id:(%x+)")
end
-- A server that was restarted may have forgotten marks, so a lease of before is void.
local function has_lease(token)
  return redis.call("HGET", lease, "token") == token and redis.call("HGET", lease, "run") == server_run()
end
`;

/** Returns the keys of the parts, in the order of the scripts, and the one of an owner's alerts if there is an owner. */
export function pushKeys(database: Pick<RedisRunner, "key">, owner?: PushOwner): readonly string[] {
  const keys = PARTS.map((part) => database.key(`push:${part}`));
  return owner === undefined ? keys : [...keys, database.key(`push:alerts:${ownerText(owner)}`)];
}

/** Number of the first key after those of the parts, in a script that has further ones. */
export const FIRST_FURTHER_KEY: number = PARTS.length + 1;

/** Key of the recent alerts of the owner, in a script that has one. */
export const ALERTS_OF_OWNER = `KEYS[${FIRST_FURTHER_KEY}]`;

/** Formats an owner as the parts have it. */
export function ownerText({ key, keyCreated }: PushOwner): string {
  return `${keyCreated}:${key}`;
}

/** Parses an owner. */
export function parseOwner(text: string): PushOwner {
  const colon = text.indexOf(":");
  return { key: text.slice(colon + 1), keyCreated: Number(text.slice(0, colon)) };
}

const strings = z.array(z.string());

/** Parses a reply with fields and values in turn. */
export function parsePairs(reply: unknown): Map<string, string> {
  const flat = strings.parse(reply);
  return new Map(flat.flatMap((field, index) => index % 2 === 0 ? [[field, flat[index + 1] ?? ""] as const] : []));
}

/** Parses a JSON object with JSON texts by name. Any text may be a name, so it is no object here. */
export function parseTexts(text: string): readonly (readonly [name: string, text: string])[] {
  return z.array(z.tuple([z.string(), z.string()])).parse(Object.entries(JSON.parse(text)));
}
