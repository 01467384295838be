/**
 * Subscriptions, rules and states of keys on a server of Valkey or Redis.
 *
 * @module
 */
import { z } from "zod";
import { RedisScript } from "../redis_script.ts";
import { compareOwners, compareRules, compareSubscriptions } from "./push_order.ts";
import type { PushOwner, RegisteredKey, StoredRule, StoredSubscription } from "./push_store.ts";
import type { RedisDatabase } from "./redis_database.ts";
import {
  ALERTS_OF_OWNER,
  ownerText,
  parseOwner,
  parsePairs,
  parseTexts,
  PUSH_PRELUDE,
  pushKeys,
} from "./redis_push_schema.ts";

const ADD_SUBSCRIPTION = new RedisScript(`${PUSH_PRELUDE}
local owner, id, json, endpoint, max, succeeded, failed = unpack(ARGV)
local own, count = read_table(subscriptions, owner), 0
for one, text in pairs(own) do
  count = count + 1
  if cjson.decode(text).endpoint == endpoint then id, max = one, math.huge end
end
if not (count < tonumber(max)) then return false end
own[id] = json
write_table(subscriptions, owner, own)
redis.call("HSET", owner_of, id, owner)
redis.call("HDEL", retry, id)
for hash, time in pairs({ [success] = succeeded, [failure] = failed }) do
  if time == "" then redis.call("HDEL", hash, id) else redis.call("HSET", hash, id, time) end
end
return id`);

const LIST_SUBSCRIPTIONS = new RedisScript(`${PUSH_PRELUDE}
return { redis.call("HGETALL", subscriptions), redis.call("HGETALL", success), redis.call("HGETALL", failure) }`);

const REMOVE_SUBSCRIPTION = new RedisScript(`${PUSH_PRELUDE}
local owner = redis.call("HGET", owner_of, ARGV[1])
if not owner then return false end
local own = read_table(subscriptions, owner)
own[ARGV[1]] = nil
write_table(subscriptions, owner, own)
return remove_subscription(ARGV[1])`);

const PUT_RULE = new RedisScript(`${PUSH_PRELUDE}
local owner, name, json, max = unpack(ARGV)
local own, count = read_table(rules, owner), 0
for _ in pairs(own) do count = count + 1 end
if own[name] == nil and not (count < tonumber(max)) then return 0 end
own[name] = json
write_table(rules, owner, own)
return 1`);

const LIST_RULES = new RedisScript(`${PUSH_PRELUDE}
return redis.call("HGETALL", rules)`);

const REMOVE_RULE = new RedisScript(`${PUSH_PRELUDE}
local owner, name = unpack(ARGV)
local own = read_table(rules, owner)
if own[name] == nil then return 0 end
own[name] = nil
write_table(rules, owner, own)
return 1`);

const REMOVE_OWNER = new RedisScript(`${PUSH_PRELUDE}
local owner, waited = ARGV[1], 0
for id in pairs(read_table(subscriptions, owner)) do waited = waited + remove_subscription(id) end
for _, hash in ipairs({ subscriptions, rules, states }) do redis.call("HDEL", hash, owner) end
redis.call("SREM", alert_owners, owner)
redis.call("DEL", ${ALERTS_OF_OWNER})
return waited`);

const LIST_OWNERS = new RedisScript(`${PUSH_PRELUDE}
local found = redis.call("SMEMBERS", alert_owners)
for _, hash in ipairs({ subscriptions, rules, states }) do
  for _, owner in ipairs(redis.call("HKEYS", hash)) do found[#found + 1] = owner end
end
return found`);

const READ_STATES = new RedisScript(`${PUSH_PRELUDE}
return redis.call("HGET", states, ARGV[1])`);

/** The encrypted key pair is replaced by the same one, as the key that encrypts it may be a new one. */
const REGISTER_KEY = new RedisScript(`
local public_key, sealed = unpack(ARGV)
redis.call("SET", KEYS[1], public_key, "NX")
if redis.call("GET", KEYS[1]) == public_key and sealed ~= "" then redis.call("SET", KEYS[2], sealed) end
return { redis.call("GET", KEYS[1]), redis.call("GET", KEYS[2]) }`);

const registeredKey = z.tuple([z.string(), z.string().nullable()]);

const subscription = z.object({
  kid: z.string(),
  endpoint: z.string(),
  p256dh: z.string(),
  auth: z.string(),
  kind: z.enum(["web", "unifiedpush"]),
  label: z.string().optional(),
  created: z.number(),
});

const listed = z.tuple([z.unknown(), z.unknown(), z.unknown()]);

/** Formats a subscription as it is stored. */
export function formatSubscription(
  { kid, endpoint, p256dh, auth, kind, label, created }: StoredSubscription,
): string {
  return JSON.stringify({ kid, endpoint, p256dh, auth, kind, label, created });
}

/** Registers the key of the gateway, as `PushStore.registerKey` says. */
export async function registerKey(
  database: RedisDatabase,
  { publicKey, sealed = "" }: RegisteredKey,
): Promise<RegisteredKey> {
  const keys = [database.key("push:public_key"), database.key("push:sealed_key")];
  const reply = registeredKey.parse(await database.run(REGISTER_KEY, { keys, args: [publicKey, sealed] }));
  return { publicKey: reply[0], sealed: reply[1] ?? undefined };
}

/** Adds a subscription, as `PushStore.addSubscription` says. */
export async function addSubscription(
  database: RedisDatabase,
  added: StoredSubscription,
  max: number,
): Promise<string | undefined> {
  const { id, endpoint, lastSuccess, lastFailure } = added;
  const times = [lastSuccess, lastFailure].map((time) => time === undefined ? "" : String(time));
  const args = [ownerText(added), id, formatSubscription(added), endpoint, String(max), ...times];
  const reply = await database.run(ADD_SUBSCRIPTION, { keys: pushKeys(database), args });
  return z.string().nullable().parse(reply) ?? undefined;
}

/** Lists all subscriptions, by time of creation. */
export async function listSubscriptions(database: RedisDatabase): Promise<StoredSubscription[]> {
  const reply = await database.run(LIST_SUBSCRIPTIONS, { keys: pushKeys(database) });
  const [subscriptions, successes, failures] = listed.parse(reply);
  const [succeeded, failed] = [parsePairs(successes), parsePairs(failures)];
  const all = [...parsePairs(subscriptions)].flatMap(([owner, texts]) =>
    parseTexts(texts).map(([id, text]) => ({
      ...parseOwner(owner),
      id,
      ...withLabel(subscription.parse(JSON.parse(text))),
      lastSuccess: timeOf(succeeded.get(id)),
      lastFailure: timeOf(failed.get(id)),
    }))
  );
  return all.toSorted(compareSubscriptions);
}

/** Removes a subscription, as `PushStore.removeSubscription` says. */
export async function removeSubscription(database: RedisDatabase, id: string): Promise<number | undefined> {
  const reply = await database.run(REMOVE_SUBSCRIPTION, { keys: pushKeys(database), args: [id] });
  return reply === null ? undefined : Number(reply);
}

/** Adds a rule, as `PushStore.putRule` says. */
export async function putRule(database: RedisDatabase, rule: StoredRule, max: number): Promise<boolean> {
  const args = [ownerText(rule), rule.name, rule.json, String(max)];
  return await database.run(PUT_RULE, { keys: pushKeys(database), args }) === 1;
}

/** Lists all rules, by key and name. */
export async function listRules(database: RedisDatabase): Promise<StoredRule[]> {
  const byOwner = parsePairs(await database.run(LIST_RULES, { keys: pushKeys(database) }));
  const all = [...byOwner].flatMap(([owner, texts]) =>
    parseTexts(texts).map(([name, json]) => ({ ...parseOwner(owner), name, json }))
  );
  return all.toSorted(compareRules);
}

/** Removes a rule; false if there is none of that name. */
export async function removeRule(database: RedisDatabase, owner: PushOwner, name: string): Promise<boolean> {
  return await database.run(REMOVE_RULE, { keys: pushKeys(database), args: [ownerText(owner), name] }) === 1;
}

/** Removes all that a key has. */
export async function removeOwner(database: RedisDatabase, owner: PushOwner): Promise<number> {
  return Number(await database.run(REMOVE_OWNER, { keys: pushKeys(database, owner), args: [ownerText(owner)] }));
}

/** Lists the keys that have anything here. */
export async function listOwners(database: RedisDatabase): Promise<PushOwner[]> {
  const found = z.array(z.string()).parse(await database.run(LIST_OWNERS, { keys: pushKeys(database) }));
  return [...new Set(found)].map(parseOwner).toSorted(compareOwners);
}

/** Reads the states of the rules of a key. */
export async function readRuleStates(database: RedisDatabase, owner: PushOwner): Promise<string | undefined> {
  const reply = await database.run(READ_STATES, { keys: pushKeys(database), args: [ownerText(owner)] });
  return z.string().nullable().parse(reply) ?? undefined;
}

function withLabel<T extends { readonly label?: string | undefined }>(one: T): T & { label: string | undefined } {
  return { ...one, label: one.label };
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
