/**
 * Scripts of the log of messages: each is one step on the server. The keys are described in `redis_event_log_parts.ts`.
 *
 * @module
 */
import { OFFSETS_PER_ENTRY } from "../mqtt/replicas/event_log.ts";
import {
  EXTEND,
  FILTERS,
  FORGET,
  OPEN,
  OWNERS,
  PARTS,
  PARTS_EXPIRY_SECONDS,
  REMOVE,
  REQUIRE_KINDS,
  REQUIRE_TOKEN,
  TRIM,
} from "./redis_event_log_parts.ts";
import { RedisScript } from "./redis_script.ts";

const script = (...parts: readonly string[]) => new RedisScript([OPEN, ...parts].join(""));

/** Returns the epoch. */
export const READ_EPOCH: RedisScript = script(`
return log.epoch`);

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

/**
 * Gives the lease back, and deletes the parts of an entry for which there was no memory: it lacks for everything else
 * then. Argument: token.
 */
export const RELEASE_LEASE: RedisScript = script(
  PARTS,
  `
if log.token ~= ARGV[3] then return 0 end
redis.call("HDEL", STATE, "token", "renewals")
redis.call("UNLINK", PARTS)
return 0`,
);

/**
 * Arguments: token, number of the bytes before, and bytes: a part of the large entries that the next APPEND takes.
 */
export const SEND_PART: RedisScript = script(
  PARTS,
  REQUIRE_TOKEN,
  `
if ARGV[4] == "0" then redis.call("UNLINK", PARTS) end
if redis.call("STRLEN", PARTS) ~= tonumber(ARGV[4]) then return partsLost() end
redis.call("APPEND", PARTS, ARGV[5])
redis.call("EXPIRE", PARTS, ${PARTS_EXPIRY_SECONDS})
return 0`,
);

/**
 * Arguments: token, limits in bytes and ms, bytes of all parts; for each entry: the entry, or nothing and the number of
 * its bytes in the parts, number of its grants, and their filters and QoS.
 */
export const APPEND: RedisScript = script(
  TRIM,
  FILTERS,
  PARTS,
  REQUIRE_TOKEN,
  `
local parts = tonumber(ARGV[6])
if parts > 0 and redis.call("STRLEN", PARTS) ~= parts then return partsLost() end
local appended, taken, index = 0, 0, 7
while index <= #ARGV do
  local entry, bytes = ARGV[index], tonumber(ARGV[index + 1])
  if bytes > 0 then
    entry = redis.call("GETRANGE", PARTS, taken, taken + bytes - 1)
    taken = taken + bytes
  end
  push(ARGV[3], entry)
  appended = appended + 1
  local grants = tonumber(ARGV[index + 2])
  for grant = index + 3, index + 1 + 2 * grants, 2 do
    local found = find(ARGV[grant])
    found.granted = ARGV[grant + 1]
    begin(ARGV[grant], found)
    store(ARGV[grant], found)
  end
  index = index + 3 + 2 * grants
end
if parts > 0 then redis.call("UNLINK", PARTS) end
trim(appended, tonumber(ARGV[4]), tonumber(ARGV[5]))
save()
return log.sequence`,
);

/** Arguments: sequence, most entries, and bytes after which none follows. Returns the state, then each entry. */
export const READ: RedisScript = script(`
local page = { log.epoch, log.sequence, log.first }
local from, left, bytes = "(" .. ARGV[3] .. "-0", tonumber(ARGV[4]), tonumber(ARGV[5])
-- More and more at once, as one may be large.
local batch = 1
while left > 0 and bytes > 0 do
  local count = math.min(left, batch)
  local found = redis.call("XRANGE", STREAM, from, "+", "COUNT", count)
  for _, entry in ipairs(found) do
    local fields = entry[2]
    page[#page + 1] = entry[1]
    page[#page + 1] = fields[4]
    page[#page + 1] = fields[6]
    bytes = bytes - #fields[6]
    if bytes <= 0 then break end
  end
  if #found < count then break end
  left = left - count
  from = "(" .. found[count][1]
  batch = math.min(2 * batch, 128)
end
return page`);

/**
 * Arguments: replica, owner or nothing, limits in bytes and ms; filters and QoS. Returns the state, then each filter. A
 * state of the owner that any replica has is then this replica's, too.
 */
export const WANT: RedisScript = script(
  TRIM,
  FILTERS,
  OWNERS,
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
    expire(wants)
    found.count = found.count + 1
    if found.count == 1 then redis.call("SREM", UNWANTED, filter) end
  end
  if qos > found.wanted then found.wanted = qos end
  isMissing = isMissing or found.granted == "-" or found.granted < qos
end
if isMissing then push("", "\\5") end
local reply, fields = { log.epoch, log.sequence, 0 }, {}
for index = 7, #ARGV, 2 do
  local filter = ARGV[index]
  local found = all[filter]
  begin(filter, found)
  store(filter, found)
  reply[#reply + 1] = tonumber(found.granted) or -1
  reply[#reply + 1] = ""
  fields[#fields + 1] = field(filter, ARGV[4])
end
if ARGV[4] ~= "" and #fields > 0 then
  local states, own = {}, {}
  for _, replica in ipairs(redis.call("HKEYS", REPLICAS)) do
    for index, value in ipairs(redis.call("HMGET", ownersOf(replica), unpack(fields))) do
      local state = parse(value, all[ARGV[5 + 2 * index]])
      states[index] = merge(states[index], state)
      if replica == ARGV[3] then own[index] = state end
    end
  end
  for index, at in ipairs(fields) do
    local state, mine = states[index], own[index]
    if state then
      reply[3 + 2 * index] = format(state)
      if mine then state.retained = mine.retained end
      redis.call("HSET", ownersOf(ARGV[3]), at, format(state) .. ":" .. text(mine and mine.version or 0))
      expire(ownersOf(ARGV[3]))
    end
  end
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

/**
 * Arguments: replica, version; for each state its filter, owner, activeFrom, QoS, and retainedUntil or a hyphen. Of two
 * calls, the one with the higher version sets retainedUntil, whichever runs first.
 */
export const SHARE_OWNERS: RedisScript = script(
  FILTERS,
  OWNERS,
  `
if redis.call("HEXISTS", REPLICAS, ARGV[3]) == 0 then return 0 end
local key, version = ownersOf(ARGV[3]), tonumber(ARGV[4])
for index = 5, #ARGV, 5 do
  local filter, owner, active, qos, retained = unpack(ARGV, index, index + 4)
  local found = find(filter)
  if found.from > 0 then
    local at = field(filter, owner)
    active = math.max(tonumber(active), found.from * ${OFFSETS_PER_ENTRY})
    local state = { active = active, qos = qos, retained = tonumber(retained), version = version }
    local own = parse(redis.call("HGET", key, at), found)
    if own then
      local last = own.version > version and own or state
      state = merge(state, own)
      state.retained, state.version = last.retained, last.version
    end
    redis.call("HSET", key, at, format(state) .. ":" .. text(state.version))
    expire(key)
  end
end
return 0`,
);

/** Arguments: replica; for each state its filter and owner. */
export const FORGET_OWNERS: RedisScript = script(
  OWNERS,
  `
for index = 4, #ARGV, 2 do redis.call("HDEL", ownersOf(ARGV[3]), field(ARGV[index], ARGV[index + 1])) end
return 0`,
);

/**
 * Arguments: replica, which begins without filters if it is unknown or all filters were evicted, and seconds after which a
 * log expires.
 */
export const RENEW_REPLICA: RedisScript = script(
  FORGET,
  EXTEND,
  REQUIRE_KINDS,
  `
local isEvicted = redis.call("EXISTS", FILTERS) == 0 and redis.call("EXISTS", BASE .. "wants:" .. ARGV[3]) == 1
if isEvicted then redis.call("HDEL", REPLICAS, ARGV[3]) end
if redis.call("HEXISTS", REPLICAS, ARGV[3]) == 0 then forget(ARGV[3]) end
local renewals = redis.call("HINCRBY", REPLICAS, ARGV[3], 1)
extend(ARGV[3], ARGV[4])
return renewals`,
);

/** Returns each replica and its renewals. */
export const READ_REPLICAS: RedisScript = script(`
return redis.call("HGETALL", REPLICAS)`);

/** Arguments: token, replica. */
export const REMOVE_REPLICA: RedisScript = script(
  FILTERS,
  FORGET,
  REMOVE,
  REQUIRE_TOKEN,
  `
remove(ARGV[4])
return 0`,
);

/** Argument: replica. Deletes the log with the last one. */
export const LEAVE: RedisScript = script(
  FILTERS,
  FORGET,
  REMOVE,
  `
remove(ARGV[3])
if redis.call("HLEN", REPLICAS) == 0 then redis.call("UNLINK", unpack(KEYS)) end
return 0`,
);

/** Argument: token. Returns the filters whose grants were deleted. */
export const RETIRE: RedisScript = script(
  FILTERS,
  REQUIRE_TOKEN,
  `
local retired = redis.call("SMEMBERS", UNWANTED)
for _, filter in ipairs(retired) do redis.call("HDEL", FILTERS, filter) end
redis.call("DEL", UNWANTED)
return retired`,
);
