/**
 * Queue of push messages, and recent alerts, on a server of Valkey or Redis.
 *
 * @module
 */
import { z } from "zod";
import { RedisScript } from "../redis_script.ts";
import {
  type AlertBatch,
  MAX_WAIT_MS,
  type NewMessage,
  type PushOwner,
  type QueuedMessage,
  type QueueLimits,
  type QueueResult,
  type SettledMessage,
  type SettleResult,
  type StoredAlert,
} from "./push_store.ts";
import type { RedisDatabase } from "./redis_database.ts";
import { ALERTS_OF_OWNER, ownerText, PUSH_PRELUDE, pushKeys } from "./redis_push_schema.ts";

/** Numbers jump ahead on a server that was restarted, and may have lost the newest of those that were used. */
const SKIPPED_IDS = 2 ** 20;

/** Adds a message to a queue; a part of two scripts. Returns 1 where it is added, and how many it replaces. */
export const ADD_MESSAGE = `
local function next_id()
  local current = server_run()
  if redis.call("GET", run) ~= current then
    redis.call("INCRBY", last_id, ${SKIPPED_IDS})
    redis.call("SET", run, current)
  end
  return tostring(redis.call("INCR", last_id))
end
local function add_message(one, max_per_subscription, max)
  local replaced = 0
  for _, id in ipairs(one.topic and messages_of(one.subscription) or {}) do
    if redis.call("HGET", topics, id) == one.topic and not is_sending(id) then
      remove_message(id, one.subscription)
      replaced = replaced + 1
    end
  end
  local ids = messages_of(one.subscription)
  if #ids >= max_per_subscription or redis.call("HLEN", messages) >= max then return 0, replaced end
  local id = next_id()
  ids[#ids + 1] = id
  redis.call("HSET", messages, id, one.json)
  redis.call("HSET", queues, one.subscription, table.concat(ids, ","))
  redis.call("ZADD", expiries, one.expires, id)
  if one.topic then redis.call("HSET", topics, id, one.topic) end
  return 1, replaced
end
`;

const ENQUEUE = new RedisScript(`${PUSH_PRELUDE}${ADD_MESSAGE}
local owner, token, max_per_subscription, max, max_alerts = unpack(ARGV)
local batch = cjson.decode(ARGV[6])
if batch.listened and not has_lease(token) then return false end
for _, json in ipairs(batch.alerts) do
  redis.call("RPUSH", ${ALERTS_OF_OWNER}, json)
  redis.call("SADD", alert_owners, owner)
end
redis.call("LTRIM", ${ALERTS_OF_OWNER}, -tonumber(max_alerts), -1)
if batch.states then redis.call("HSET", states, owner, batch.states) end
local queued, all_replaced, refused = 0, 0, 0
for _, one in ipairs(batch.messages) do
  if redis.call("HEXISTS", owner_of, one.subscription) == 1 then
    local added, replaced = add_message(one, tonumber(max_per_subscription), tonumber(max))
    queued, all_replaced, refused = queued + added, all_replaced + replaced, refused + 1 - added
  end
end
return { queued, all_replaced, refused }`);

const LIST_ALERTS = new RedisScript(`${PUSH_PRELUDE}
return redis.call("LRANGE", ${ALERTS_OF_OWNER}, 0, -1)`);

/** Finds the oldest message of each subscription that is not left out, unless it is being sent; a part of two scripts. */
const HEADS = `
local function heads(left_out)
  local busy, found = {}, {}
  for _, subscription in ipairs(cjson.decode(left_out)) do busy[subscription] = true end
  local all = redis.call("HGETALL", queues)
  for index = 1, #all, 2 do
    local id = string.match(all[index + 1], "^%d+")
    if not busy[all[index]] and not is_sending(id) then
      found[#found + 1] = { id = id, subscription = all[index], at = redis.call("HGET", retry, all[index]) or "0" }
    end
  end
  return found
end
`;

const CLAIM = new RedisScript(`${PUSH_PRELUDE}${HEADS}
local token, now, max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not has_lease(token) then return false end
local expired = 0
for _, id in ipairs(redis.call("ZRANGEBYSCORE", expiries, "-inf", ARGV[2])) do
  if not is_sending(id) then
    remove_message(id, cjson.decode(redis.call("HGET", messages, id)).subscription)
    expired = expired + 1
  end
end
local due = {}
for _, head in ipairs(heads(ARGV[4])) do
  local at = tonumber(head.at)
  if not (at > now and at <= now + ${MAX_WAIT_MS}) then due[#due + 1] = head end
end
table.sort(due, function(one, other) return tonumber(one.id) < tonumber(other.id) end)
local marked = {}
for index = 1, math.min(#due, max) do
  local id = due[index].id
  redis.call("HSET", sending, id, due[index].subscription)
  local attempt = redis.call("HINCRBY", attempts, id, 1)
  marked[index] = { id, redis.call("HGET", messages, id), attempt, redis.call("HGET", shortened, id) }
end
return { expired, marked }`);

const SETTLE = new RedisScript(`${PUSH_PRELUDE}
local id, outcome, time, text = unpack(ARGV)
local subscription = redis.call("HGET", sending, id)
if not subscription then return "gone" end
if outcome ~= "retry" then
  remove_message(id, subscription)
  redis.call("HSET", outcome == "sent" and success or failure, subscription, time)
  redis.call("HDEL", retry, subscription)
  return "settled"
end
redis.call("HSET", retry, subscription, time)
local topic = redis.call("HGET", topics, id)
for _, one in ipairs(topic and messages_of(subscription) or {}) do
  if tonumber(one) > tonumber(id) and redis.call("HGET", topics, one) == topic then
    remove_message(id, subscription)
    return "replaced"
  end
end
redis.call("HDEL", sending, id)
if text ~= "" then redis.call("HSET", shortened, id, text) end
return "settled"`);

const QUEUE_STATE = new RedisScript(`${PUSH_PRELUDE}${HEADS}
local first = false
for _, head in ipairs(heads(ARGV[1])) do
  if not first or tonumber(head.at) < tonumber(first) then first = head.at end
end
return { redis.call("HLEN", messages), first }`);

const OLDEST = new RedisScript(`${PUSH_PRELUDE}
local oldest = false
for _, ids in ipairs(redis.call("HVALS", queues)) do
  local id = tonumber(string.match(ids, "^%d+"))
  if not oldest or id < oldest then oldest = id end
end
return oldest and redis.call("HGET", messages, tostring(oldest))`);

const message = z.object({
  subscription: z.string(),
  alert: z.string(),
  text: z.string(),
  urgency: z.enum(["very-low", "low", "normal", "high"]),
  topic: z.string().optional(),
  expires: z.number(),
  added: z.number(),
});

const alert = z.object({ id: z.string(), at: z.number(), json: z.string() });

const claimed = z.tuple([
  z.number(),
  z.array(z.tuple([z.string(), z.string(), z.number(), z.string().nullable()])),
]).nullable();

const enqueued = z.tuple([z.number(), z.number(), z.number()]).nullable();

const settleResult = z.enum(["settled", "replaced", "gone"]);

const queueStateReply = z.tuple([z.number(), z.string().nullable()]);

/** Formats a message as the scripts take it. */
export function formatMessage(
  { subscription, alert, text, urgency, topic, expires }: NewMessage,
  added: number,
): Readonly<Record<string, unknown>> {
  const json = JSON.stringify({ subscription, alert, text, urgency, topic, expires, added });
  // A number would lose digits between JSON and the server.
  return { subscription, topic, expires: String(expires), json };
}

/** Formats an alert as it is stored. */
export function formatAlert({ id, at, json }: Omit<StoredAlert, keyof PushOwner>): string {
  return JSON.stringify({ id, at, json });
}

/**
 * Adds alerts and their messages, as `PushStore.enqueue` says.
 *
 * @param token token of the lease of this process; without it, what was listened to is not added
 * @returns undefined if another process has the lease
 */
export async function enqueue(
  database: RedisDatabase,
  batch: AlertBatch,
  { limits, token }: { readonly limits: QueueLimits; readonly token: string | undefined },
): Promise<QueueResult | undefined> {
  const { now, maxPerSubscription, max, maxAlerts } = limits;
  const document = JSON.stringify({
    listened: batch.isListened,
    states: batch.ruleStates,
    alerts: batch.alerts.map(formatAlert),
    messages: batch.alerts.flatMap(({ messages }) => messages.map((one) => formatMessage(one, now))),
  });
  const numbers = [maxPerSubscription, max, maxAlerts].map(String);
  const args = [ownerText(batch), token ?? "", ...numbers, document];
  const reply = enqueued.parse(await database.run(ENQUEUE, { keys: pushKeys(database, batch), args }));
  if (reply === null) return undefined;
  const [queued, replaced, refused] = reply;
  return { queued, replaced, refused };
}

/** Lists the recent alerts of a key after a time, the oldest first. */
export async function listAlerts(database: RedisDatabase, owner: PushOwner, since: number): Promise<StoredAlert[]> {
  const texts = z.array(z.string()).parse(await database.run(LIST_ALERTS, { keys: pushKeys(database, owner) }));
  const { key, keyCreated } = owner;
  return texts.map((text) => ({ key, keyCreated, ...alert.parse(JSON.parse(text)) })).filter(({ at }) => at > since);
}

/** Marks due messages, as `PushStore.claimMessages` says. @returns undefined if another process has the lease */
export async function claimMessages(
  database: RedisDatabase,
  { token, now, max, except }: {
    readonly token: string;
    readonly now: number;
    readonly max: number;
    readonly except: readonly string[];
  },
): Promise<{ readonly due: readonly QueuedMessage[]; readonly expired: number } | undefined> {
  const args = [token, String(now), String(max), JSON.stringify(except)];
  const reply = claimed.parse(await database.run(CLAIM, { keys: pushKeys(database), args }));
  if (reply === null) return undefined;
  const [expired, marked] = reply;
  return { due: marked.map(messageOf), expired };
}

/** Ends the attempt to send a message, as `PushStore.settleMessage` says. */
export async function settleMessage(
  database: RedisDatabase,
  id: number,
  outcome: SettledMessage,
): Promise<SettleResult> {
  const time = String(outcome.type === "retry" ? outcome.at : outcome.now);
  const shortened = outcome.type === "retry" && outcome.shortened !== undefined
    ? JSON.stringify(outcome.shortened)
    : "";
  const args = [String(id), outcome.type, time, shortened];
  return settleResult.parse(await database.run(SETTLE, { keys: pushKeys(database), args }));
}

/** Returns the number of messages, and the time of the next attempt. */
export async function queueState(
  database: RedisDatabase,
  except: readonly string[],
): Promise<{ readonly length: number; readonly next: number | undefined }> {
  const reply = await database.run(QUEUE_STATE, { keys: pushKeys(database), args: [JSON.stringify(except)] });
  const [length, next] = queueStateReply.parse(reply);
  return { length, next: next === null ? undefined : Number(next) };
}

/** Returns the time at which the oldest message was added; undefined if there is none. */
export async function oldestMessage(database: RedisDatabase): Promise<number | undefined> {
  const text = z.string().nullable().parse(await database.run(OLDEST, { keys: pushKeys(database) }));
  return text === null ? undefined : message.parse(JSON.parse(text)).added;
}

function messageOf(
  [id, text, attempts, shortened]: readonly [string, string, number, string | null],
): QueuedMessage {
  const { added: _, topic, ...stored } = message.parse(JSON.parse(text));
  return {
    ...stored,
    topic,
    id: Number(id),
    text: shortened === null ? stored.text : z.string().parse(JSON.parse(shortened)),
    attempts,
    isShortened: shortened !== null,
  };
}
