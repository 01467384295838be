/**
 * Scripts of the log of messages: each is one step on the server. The keys are described in `redis_event_log_parts.ts`.
 *
 * @module
 */
import { FILTERS, OPEN, REQUIRE_TOKEN, TRIM } from "./redis_event_log_parts.ts";
import { RedisScript } from "./redis_script.ts";

const script = (...parts: readonly string[]) => new RedisScript([OPEN, ...parts].join(""));

/** Returns the token and the renewals of the lease; nothing without one. */
export const READ_LEASE: RedisScript = script(`
if not log.token then return {} end
return { log.token, tonumber(log.renewals) }`);

/** Takes the lease if it is as it was seen. Arguments: token, and the seen token and renewals or nothing. */
export const TAKE_LEASE: RedisScript = script(`
if (log.token or nil) ~= ARGV[4] or (log.renewals or nil) ~= ARGV[5] then return 0 end
redis.call("HSET", STATE, "token", ARGV[3], "renewals", 0)
return 1`);

/** Counts one more renewal. Argument: token. */
export const RENEW_LEASE: RedisScript = script(`
if log.token ~= ARGV[3] then return 0 end
redis.call("HINCRBY", STATE, "renewals", 1)
redis.call("HSET", STATE, "at", text(now))
return 1`);

/** Gives the lease back. Argument: token. */
export const RELEASE_LEASE: RedisScript = script(`
if log.token == ARGV[3] then redis.call("HDEL", STATE, "token", "renewals") end
return 0`);

/**
 * Arguments: token, limits in bytes and ms; for each entry: the entry, number of its grants, and their filters and QoS.
 */
export const APPEND: RedisScript = script(
  TRIM,
  FILTERS,
  REQUIRE_TOKEN,
  `
local appended, index = 0, 6
while index <= #ARGV do
  push(ARGV[3], ARGV[index])
  appended = appended + 1
  local grants = tonumber(ARGV[index + 1])
  for grant = index + 2, index + 2 * grants, 2 do
    local found = find(ARGV[grant])
    found.granted = ARGV[grant + 1]
    begin(ARGV[grant], found)
    store(ARGV[grant], found)
  end
  index = index + 2 + 2 * grants
end
trim(appended, tonumber(ARGV[4]), tonumber(ARGV[5]))
save()
return log.sequence`,
);

/** Arguments: sequence, most entries, and bytes after which none follows. Returns the state, then each entry. */
export const READ: RedisScript = script(`
local page = { log.epoch, log.sequence, log.first }
local from, left, bytes = "(" .. ARGV[3] .. "-0", tonumber(ARGV[4]), tonumber(ARGV[5])
while left > 0 and bytes > 0 do
  local count = math.min(left, 100)
  local found = redis.call("XRANGE", STREAM, from, "+", "COUNT", count)
  for _, entry in ipairs(found) do
    local fields = entry[2]
    page[#page + 1] = entry[1]
    page[#page + 1] = fields[4]
    page[#page + 1] = fields[6]
    bytes = bytes - #fields[6]
  end
  if #found < count then break end
  left = left - count
  from = "(" .. found[count][1]
end
return page`);

/**
 * Arguments: replica, owner or nothing, limits in bytes and ms; filters and QoS. Returns the state, then each filter.
 */
export const WANT: RedisScript = script(
  TRIM,
  FILTERS,
  `
local wants = BASE .. "wants:" .. ARGV[3]
if tonumber(redis.call("HGET", REPLICAS, ARGV[3]) or 0) == 0 then
  return redis.error_reply("REPLICAUNKNOWN The replica is unknown to the log")
end
local isMissing, all = false, {}
for index = 7, #ARGV, 2 do
  local filter, qos = ARGV[index], ARGV[index + 1]
  local found = all[filter] or find(filter)
  all[filter] = found
  if redis.call("HSET", wants, filter, qos) == 1 then
    found.count = found.count + 1
    if found.count == 1 then redis.call("SREM", UNWANTED, filter) end
  end
  if qos > found.wanted then found.wanted = qos end
  isMissing = isMissing or found.granted == "-" or found.granted < qos
end
if isMissing then push("", "\\5") end
local reply = { log.epoch, log.sequence, 0 }
for index = 7, #ARGV, 2 do
  local filter = ARGV[index]
  local found = all[filter]
  begin(filter, found)
  store(filter, found)
  reply[#reply + 1] = tonumber(found.granted) or -1
  reply[#reply + 1] = ARGV[4] ~= "" and redis.call("HGET", BASE .. "owners:" .. filter, ARGV[4]) or ""
end
if isMissing then
  trim(1, tonumber(ARGV[5]), tonumber(ARGV[6]))
  save()
end
reply[3] = log.first
return reply`,
);

/** Arguments: replica, limits in bytes and ms, filters. */
export const UNWANT: RedisScript = script(
  TRIM,
  FILTERS,
  `
local filters = {}
for index = 6, #ARGV do filters[#filters + 1] = ARGV[index] end
if unwant(ARGV[3], filters) then
  push("", "\\5")
  trim(1, tonumber(ARGV[4]), tonumber(ARGV[5]))
  save()
end
return 0`,
);

/** Arguments: offsets of an entry; for each state its filter, owner, activeFrom, QoS, and retainedUntil or a hyphen. */
export const SHARE_OWNERS: RedisScript = script(
  FILTERS,
  `
for index = 4, #ARGV, 5 do
  local filter, owner, active, qos, retained = unpack(ARGV, index, index + 4)
  local from = find(filter).from
  if from > 0 then
    local key = BASE .. "owners:" .. filter
    active = math.max(tonumber(active), from * tonumber(ARGV[3]))
    local pattern = "^(%d+):(%d):([-%d]+)$"
    local knownActive, knownQos, knownRetained = string.match(redis.call("HGET", key, owner) or "", pattern)
    if knownActive then
      active = math.min(active, tonumber(knownActive))
      if knownQos > qos then qos = knownQos end
      if retained == "-" then retained = knownRetained end
    end
    redis.call("HSET", key, owner, text(active) .. ":" .. qos .. ":" .. retained)
  end
end
return 0`,
);

/** Argument: replica, which begins without filters if it is unknown. */
export const RENEW_REPLICA: RedisScript = script(`
if redis.call("HEXISTS", REPLICAS, ARGV[3]) == 0 then redis.call("DEL", BASE .. "wants:" .. ARGV[3]) end
return redis.call("HINCRBY", REPLICAS, ARGV[3], 1)`);

/** Returns each replica and its renewals. */
export const READ_REPLICAS: RedisScript = script(`
return redis.call("HGETALL", REPLICAS)`);

/** Arguments: token, replica. */
export const REMOVE_REPLICA: RedisScript = script(
  FILTERS,
  REQUIRE_TOKEN,
  `
redis.call("HDEL", REPLICAS, ARGV[4])
unwant(ARGV[4], redis.call("HKEYS", BASE .. "wants:" .. ARGV[4]))
redis.call("DEL", BASE .. "wants:" .. ARGV[4])
return 0`,
);

/** Argument: token. Returns the filters whose grants were deleted. */
export const RETIRE: RedisScript = script(
  FILTERS,
  REQUIRE_TOKEN,
  `
local retired = redis.call("SMEMBERS", UNWANTED)
for _, filter in ipairs(retired) do
  redis.call("HDEL", FILTERS, filter)
  redis.call("DEL", BASE .. "owners:" .. filter)
end
redis.call("DEL", UNWANTED)
return retired`,
);
