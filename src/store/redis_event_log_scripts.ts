/**
 * Scripts of the log of messages: each is one step on the server.
 *
 * Keys of a log, all with the same beginning:
 * - `state`, a hash: `epoch`, `run` (the server's run id), `sequence` of the last entry, `first` (sequence before which
 *   entries are deleted), `lost` (sequence of the last gap of a restart), `bytes` and `oldest` (time in ms) of the kept
 *   entries, `token` and `renewals` of the lease
 * - `stream`: the entries with the ids `<sequence>-0`; `a` is the time in ms, `k` the token, `e` the entry
 * - `grants`, a hash: by filter `<granted QoS, or ->:<sequence at which it was wanted first>`
 * - `replicas`, a hash: by replica its renewals, 0 for one that has to register again
 * - `wants:<replica>`, a hash: by filter the QoS
 * - `owners:<filter>`, a hash: by owner `<activeFrom>:<QoS>:<retainedUntil, or ->`
 *
 * The last two are not among the declared keys, as their number varies; they are in the slot of the others.
 *
 * @module
 */
import { RedisScript } from "./redis_script.ts";

/** Distance of sequences after a restart: more entries than a server loses by it. */
const JUMP = 2 ** 20;
/** Memory that an entry counts beside its bytes and its token. */
const ENTRY_BYTES = 64;
/** Entries that one call deletes beside twice as many as it appends. */
const TRIM_BATCH = 16;

/**
 * Begins each script: makes what an emptied server lacks. After a restart, the newest entries may be lost, and with them
 * what replicas wanted and who held the lease; so sequences jump ahead, a gap comes first, and all begin anew.
 */
const OPEN = `
local STATE, STREAM, GRANTS, REPLICAS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local BASE = ARGV[1]
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local log = {}

local function text(number) return string.format("%.0f", number) end

local function save()
  redis.call("HSET", STATE, "sequence", text(log.sequence), "first", text(log.first), "bytes", text(log.bytes),
    "oldest", text(log.oldest))
end

local function push(token, entry)
  log.sequence = log.sequence + 1
  if log.bytes == 0 then log.oldest = now end
  log.bytes = log.bytes + #token + #entry + ${ENTRY_BYTES}
  redis.call("XADD", STREAM, text(log.sequence) .. "-0", "a", text(now), "k", token, "e", entry)
end

local function open()
  local run = string.match(redis.call("INFO", "server"), "run_id:(%x+)")
  local found = redis.call("HMGET", STATE, "epoch", "run", "sequence", "first", "lost", "bytes", "oldest", "token", "renewals")
  log.epoch = found[1] or ARGV[2]
  for index, name in ipairs({ "sequence", "first", "lost", "bytes", "oldest" }) do
    log[name] = tonumber(found[index + 2] or 0)
  end
  log.token, log.renewals = found[8], found[9]
  if found[2] == run then return end
  if not found[1] then
    redis.call("DEL", STREAM, GRANTS, REPLICAS)
    log.first = 1
    redis.call("HSET", STATE, "epoch", log.epoch, "run", run, "lost", 0)
    return save()
  end
  log.token, log.renewals = false, false
  redis.call("HDEL", STATE, "token", "renewals")
  for _, replica in ipairs(redis.call("HKEYS", REPLICAS)) do redis.call("HSET", REPLICAS, replica, 0) end
  log.sequence = log.sequence + ${JUMP - 1}
  push("", "\\2")
  log.lost = log.sequence
  redis.call("HSET", STATE, "run", run, "lost", text(log.lost))
  save()
end

open()
`;

/** Deletes the oldest entries at the limits: in batches, so that each is read once, and none that was just appended. */
const TRIM = `
local function trim(appended, maxBytes, maxAge)
  local kept = redis.call("XLEN", STREAM) - appended
  if kept <= 0 or (log.bytes <= maxBytes and now - log.oldest <= math.floor(maxAge * 17 / 16)) then return end
  local count = math.min(kept, 2 * appended + ${TRIM_BATCH})
  local goal = math.floor(maxBytes * 15 / 16)
  local found = redis.call("XRANGE", STREAM, "-", "+", "COUNT", count + 1)
  for index = 1, count do
    local fields = found[index][2]
    log.oldest = tonumber(fields[2])
    if log.bytes <= goal and now - log.oldest <= maxAge then break end
    log.bytes = log.bytes - #fields[4] - #fields[6] - ${ENTRY_BYTES}
    log.first = tonumber(string.match(found[index][1], "^%d+")) + 1
    log.oldest = tonumber(found[index + 1][2][2])
  end
  redis.call("XTRIM", STREAM, "MINID", "=", text(log.first) .. "-0")
end
`;

/** What is known of filters. What was granted before a restart counts no more. */
const FILTERS = `
local function grantOf(filter)
  local qos, from = string.match(redis.call("HGET", GRANTS, filter) or "", "^([-%d]):(%d+)$")
  from = tonumber(from)
  if from and from > log.lost then return qos, from end
end

local function setGrant(filter, qos, from) redis.call("HSET", GRANTS, filter, qos .. ":" .. text(from)) end

local function begin(filter, qos)
  setGrant(filter, qos, log.sequence)
  redis.call("DEL", BASE .. "owners:" .. filter)
end

local function isWanted(filter)
  for _, replica in ipairs(redis.call("HKEYS", REPLICAS)) do
    if redis.call("HEXISTS", BASE .. "wants:" .. replica, filter) == 1 then return true end
  end
  return false
end
`;

/** Ends a script whose token is not that of the lease. */
const REQUIRE_TOKEN = `
if log.token ~= ARGV[3] then return redis.error_reply("LEASELOST Another replica holds the lease") end
`;

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
return 1`);

/** Gives the lease back. Argument: token. */
export const RELEASE_LEASE: RedisScript = script(`
if log.token == ARGV[3] then redis.call("HDEL", STATE, "token", "renewals") end
return 0`);

/** Arguments: token, limits in bytes and ms; for each entry: the entry, number of its grants, and their filters and QoS. */
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
    local _, from = grantOf(ARGV[grant])
    if from then setGrant(ARGV[grant], ARGV[grant + 1], from) else begin(ARGV[grant], ARGV[grant + 1]) end
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

/** Arguments: replica, owner or nothing, limits in bytes and ms; filters and QoS. Returns the state, then each filter. */
export const WANT: RedisScript = script(
  TRIM,
  FILTERS,
  `
local wants = BASE .. "wants:" .. ARGV[3]
if tonumber(redis.call("HGET", REPLICAS, ARGV[3]) or 0) == 0 then
  return redis.error_reply("REPLICAUNKNOWN The replica is unknown to the log")
end
local isMissing = false
for index = 7, #ARGV, 2 do
  redis.call("HSET", wants, ARGV[index], ARGV[index + 1])
  local qos = grantOf(ARGV[index])
  isMissing = isMissing or (tonumber(qos) or -1) < tonumber(ARGV[index + 1])
end
if isMissing then push("", "\\5") end
local reply = { log.epoch, log.sequence, 0 }
for index = 7, #ARGV, 2 do
  local filter = ARGV[index]
  local qos = grantOf(filter)
  if not qos then
    begin(filter, "-")
    qos = "-"
  end
  reply[#reply + 1] = tonumber(qos) or -1
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
local isUnwanted = false
for index = 6, #ARGV do redis.call("HDEL", BASE .. "wants:" .. ARGV[3], ARGV[index]) end
for index = 6, #ARGV do
  isUnwanted = isUnwanted or (redis.call("HEXISTS", GRANTS, ARGV[index]) == 1 and not isWanted(ARGV[index]))
end
if isUnwanted then
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
  local granted, from = grantOf(filter)
  if granted then
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
  REQUIRE_TOKEN,
  `
redis.call("HDEL", REPLICAS, ARGV[4])
redis.call("DEL", BASE .. "wants:" .. ARGV[4])
return 0`,
);

/** Returns each filter that replicas want, and the highest QoS. */
export const READ_WANTED: RedisScript = script(`
local wanted, reply = {}, {}
for _, replica in ipairs(redis.call("HKEYS", REPLICAS)) do
  local wants = redis.call("HGETALL", BASE .. "wants:" .. replica)
  for index = 1, #wants, 2 do
    local known = wanted[wants[index]]
    if not known or known < wants[index + 1] then wanted[wants[index]] = wants[index + 1] end
  end
end
for filter, qos in pairs(wanted) do
  reply[#reply + 1] = filter
  reply[#reply + 1] = qos
end
return reply`);

/** Argument: token. Returns the filters whose grants were deleted. */
export const RETIRE: RedisScript = script(
  FILTERS,
  REQUIRE_TOKEN,
  `
local retired = {}
for _, filter in ipairs(redis.call("HKEYS", GRANTS)) do
  if not isWanted(filter) then
    redis.call("HDEL", GRANTS, filter)
    redis.call("DEL", BASE .. "owners:" .. filter)
    retired[#retired + 1] = filter
  end
end
return retired`,
);
