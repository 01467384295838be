/**
 * Parts of the scripts of the log of messages.
 *
 * Keys of a log, all with the same beginning:
 * - `state`, a hash: `epoch`, `run` (the server's run id), `sequence` of the last entry, `first` (sequence before which
 *   entries are deleted), `lost` (sequence of the last gap of a restart), `bytes`, `count` and `oldest` (time in ms) of the
 *   kept entries, `at` (time of the last change, in ms), `token` and `renewals` of the lease
 * - `stream`: the entries with the ids `<sequence>-0`; `a` is the time in ms, `k` the token, `e` the entry
 * - `filters`, a hash: by filter `<granted QoS, or ->:<sequence at which it was wanted first>:<highest QoS
 *   wanted>:<number of replicas that want it>`
 * - `unwanted`, a set: filters that no replica wants
 * - `replicas`, a hash: by replica its renewals, 0 for one that has to register again
 * - `wants:<replica>`, a hash: by filter the QoS
 * - `owners:<replica>`, a hash: by filter and owner, with a NUL between, which no filter has,
 *   `<activeFrom>:<QoS>:<retainedUntil, or ->:<version of retainedUntil>`; without meaning if it is from before the
 *   filter was wanted
 * - `parts`, a string: bytes of large entries that are being sent; only used under the token of the lease
 *
 * The last three are not among the declared keys; they are in the slot of the others.
 *
 * All keys expire when no replica renews itself any more. Also one that was just made does, as the replica may be killed
 * before it renews itself.
 *
 * @module
 */
import { OFFSETS_PER_ENTRY } from "../mqtt/replicas/event_log.ts";

/** Distance of sequences after a restart. */
const JUMP = 2 ** 20;
/**
 * Further distance for each millisecond since the last change that survived: more entries than are appended in it. So
 * two restarts that lose the same entries, the first one's jump among them, lead to different sequences.
 */
const JUMP_PER_MS = 256;
/** Sequence beyond which a restart begins another epoch: its offsets are still exact numbers after many entries. */
const MAX_SEQUENCE = 2 ** 36;
/** Memory that an entry counts beside its bytes and its token. */
const ENTRY_BYTES = 64;
/** Entries that one call deletes beside twice as many as it appends. */
const TRIM_BATCH = 16;
/** Time after which the parts of an entry are deleted that is not sent to its end, in seconds. */
export const PARTS_EXPIRY_SECONDS = 60;
/** Longest time after which a log is deleted that no replica uses, in seconds: a day more than the longest RESUME_SECONDS. */
export const EXPIRY_SECONDS = 172_800;

/**
 * Begins each script: makes what an emptied server lacks, and begins anew where other commands than these have changed
 * the entries, or they were evicted. After a restart, the newest entries may be lost, and with
 * them what replicas wanted and who held the lease; so sequences jump ahead, a gap comes first, and all begin anew.
 */
export const OPEN: string = `
local STATE, STREAM, FILTERS, UNWANTED, REPLICAS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local BASE = ARGV[1]
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call("INFO", "server"), "run_id:(%x+)")
local log = {}

local function text(number) return string.format("%.0f", number) end

local function expire(key) redis.call("EXPIRE", key, ${EXPIRY_SECONDS}, "NX") end

local function save()
  redis.call("HSET", STATE, "sequence", text(log.sequence), "first", text(log.first), "bytes", text(log.bytes),
    "count", text(log.count), "oldest", text(log.oldest), "at", text(now))
end

local function push(token, entry)
  log.sequence = log.sequence + 1
  local isFirst = log.count == 0
  if isFirst then log.oldest = now end
  log.count = log.count + 1
  log.bytes = log.bytes + #token + #entry + ${ENTRY_BYTES}
  redis.call("XADD", STREAM, text(log.sequence) .. "-0", "a", text(now), "k", token, "e", entry)
  if isFirst then expire(STREAM) end
end

local function beginAnew()
  redis.call("DEL", STATE, STREAM, FILTERS, UNWANTED, REPLICAS)
  log = { epoch = ARGV[2], token = false, sequence = 0, first = 1, lost = 0, bytes = 0, count = 0, oldest = 0 }
  redis.call("HSET", STATE, "epoch", log.epoch, "run", run, "lost", 0)
  expire(STATE)
  save()
end

-- Runs a command that reads; returns nothing if the key has another kind of value.
local function read(...)
  local reply = redis.pcall(...)
  if type(reply) ~= "table" or not reply.err then return reply end
  if not string.find(reply.err, "^WRONGTYPE") then return redis.call(...) end
end

-- Reads the state; returns whether it and the entries are as the scripts left them.
local function isWhole()
  log.found = read("HMGET", STATE, "epoch", "run", "token", "renewals", "sequence", "first", "lost", "bytes", "count",
    "oldest", "at")
  if not log.found or not log.found[1] then return false end
  log.epoch, log.token, log.renewals = log.found[1], log.found[3], log.found[4]
  for index, name in ipairs({ "sequence", "first", "lost", "bytes", "count", "oldest", "at" }) do
    log[name] = tonumber(log.found[index + 4] or nil)
    if not log[name] then return false end
  end
  return read("XLEN", STREAM) == log.count
end

local function open()
  if not isWhole() then return beginAnew() end
  if log.found[2] == run then return end
  log.token, log.renewals = false, false
  local jumped = log.sequence + ${JUMP} + ${JUMP_PER_MS} * math.max(0, now - log.at)
  if jumped > ${MAX_SEQUENCE} then return beginAnew() end
  redis.call("HDEL", STATE, "token", "renewals")
  for _, replica in ipairs(redis.call("HKEYS", REPLICAS)) do redis.call("HSET", REPLICAS, replica, 0) end
  log.sequence = jumped - 1
  push("", "\\2")
  log.lost = jumped
  redis.call("HSET", STATE, "run", run, "lost", text(jumped))
  save()
end

open()
`;

/** Deletes the oldest entries at the limits: in batches, so that each is read once, and none that was just appended. */
export const TRIM: string = `
local function trim(appended, maxBytes, maxAge)
  local kept = log.count - appended
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
  log.count = log.count - redis.call("XTRIM", STREAM, "MINID", "=", text(log.first) .. "-0")
end
`;

/** What is known of filters. What was granted before a restart counts no more: then `from` is 0. */
export const FILTERS: string = `
local function find(filter)
  local pattern = "^([-%d]):(%d+):(%d):(%d+)$"
  local granted, from, wanted, count = string.match(redis.call("HGET", FILTERS, filter) or "", pattern)
  if not granted then return { granted = "-", from = 0, wanted = "0", count = 0 } end
  if tonumber(from) <= log.lost then granted, from = "-", 0 end
  return { granted = granted, from = tonumber(from), wanted = wanted, count = tonumber(count) }
end

local function begin(filter, found)
  if found.from > 0 then return end
  found.from = log.sequence
end

local function store(filter, found)
  local value = found.granted .. ":" .. text(found.from) .. ":" .. found.wanted .. ":" .. text(found.count)
  if redis.call("HSET", FILTERS, filter, value) == 1 then expire(FILTERS) end
  if found.count == 0 and redis.call("SADD", UNWANTED, filter) == 1 then expire(UNWANTED) end
end

local function unwant(replica, filters)
  local isUnwanted = false
  for _, filter in ipairs(filters) do
    if redis.call("HDEL", BASE .. "wants:" .. replica, filter) == 1 then
      local found = find(filter)
      found.count = found.count - 1
      store(filter, found)
      isUnwanted = isUnwanted or found.count == 0
    end
  end
  return isUnwanted
end
`;

/**
 * States of owners, which each replica stores for itself. A phone that resumes may have been at any of them: so where
 * one is not known to have sent all retained messages, it is not known at all.
 */
export const OWNERS: string = `
local function ownersOf(replica) return BASE .. "owners:" .. replica end

local function field(filter, owner) return filter .. "\\0" .. owner end

local function parse(value, found)
  if not value then return nil end
  local active, qos, retained, version = string.match(value, "^(%d+):(%d):([-%d]+):(%d+)$")
  if found.from == 0 or tonumber(active) < found.from * ${OFFSETS_PER_ENTRY} then return nil end
  return { active = tonumber(active), qos = qos, retained = tonumber(retained), version = tonumber(version) }
end

local function merge(one, other)
  if not one or not other then return one or other end
  local retained
  if one.retained and other.retained then retained = math.max(one.retained, other.retained) end
  local qos = one.qos > other.qos and one.qos or other.qos
  return { active = math.min(one.active, other.active), qos = qos, retained = retained }
end

local function format(state)
  return text(state.active) .. ":" .. state.qos .. ":" .. (state.retained and text(state.retained) or "-")
end
`;

/** Begins anew if what is known of filters and replicas is of another kind. */
export const REQUIRE_KINDS: string = `
for index, kind in pairs({ [3] = "hash", [4] = "set", [5] = "hash" }) do
  local found = redis.call("TYPE", KEYS[index]).ok
  if found ~= kind and found ~= "none" then beginAnew() end
end
`;

/** Deletes what a replica wants, and the states of its owners. */
export const FORGET: string = `
local function forget(replica) redis.call("UNLINK", BASE .. "wants:" .. replica, BASE .. "owners:" .. replica) end
`;

/** Removes a replica, after {@linkcode FILTERS} and {@linkcode FORGET}. */
export const REMOVE: string = `
local function remove(replica)
  redis.call("HDEL", REPLICAS, replica)
  unwant(replica, redis.call("HKEYS", BASE .. "wants:" .. replica))
  forget(replica)
end
`;

/** Keeps all keys of the log and of one replica for a time. */
export const EXTEND: string = `
local function extend(replica, seconds)
  for _, key in ipairs(KEYS) do redis.call("EXPIRE", key, seconds) end
  redis.call("EXPIRE", BASE .. "wants:" .. replica, seconds)
  redis.call("EXPIRE", BASE .. "owners:" .. replica, seconds)
end
`;

/** Large entries that are being sent. */
export const PARTS: string = `
local PARTS = BASE .. "parts"

local function partsLost() return redis.error_reply("PARTSLOST Parts of an entry are missing") end
`;

/** Ends a script whose token is not that of the lease. */
export const REQUIRE_TOKEN: string = `
if log.token ~= ARGV[3] then return redis.error_reply("LEASELOST Another replica holds the lease") end
`;
