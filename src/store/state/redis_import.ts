/**
 * Move of the durable state from its file to a server of Valkey or Redis, once.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../../lib/errors.ts";
import { RedisScript } from "../redis_script.ts";
import type { RedisRunner } from "./redis_database.ts";
import { formatPairing, pairingKeys } from "./redis_pairings.ts";
import { absenceText } from "./redis_push_absences.ts";
import { formatSubscription } from "./redis_push_keys.ts";
import { ADD_MESSAGE, formatAlert, formatMessage } from "./redis_push_queue.ts";
import { FIRST_FURTHER_KEY, ownerText, PUSH_PRELUDE, pushKeys } from "./redis_push_schema.ts";
import { type SqliteStateOptions, StateDatabase } from "./sqlite_database.ts";
import { type ExportedState, exportState } from "./sqlite_export.ts";
import { lstatIfPresent, StateFileError, type StateFileSystem } from "./state_file.ts";

/** Attempts to read a file that another process uses. */
const ATTEMPTS = 10;

/** Interval of these attempts, in milliseconds. */
const PAUSE_MS = 100;

/** File to move, and the log. */
export type StateImportOptions = Pick<SqliteStateOptions, "path" | "mode" | "log"> & {
  /** File system. */
  readonly files: StateFileSystem;
};

/**
 * Adds all content of a file in one step, unless the same content was added before. Counts are added to those that are
 * there, so that none is forgotten; what the server has of the same name is kept.
 */
const IMPORT = new RedisScript(`${PUSH_PRELUDE}${ADD_MESSAGE}
local first = ${FIRST_FURTHER_KEY}
local uses, codes, used, imports = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
local state = cjson.decode(ARGV[2])
if redis.call("SADD", imports, ARGV[1]) == 0 then return 0 end
for _, one in ipairs(state.uses) do redis.call("HINCRBY", uses, one.counter, one.uses) end
for _, one in ipairs(state.pairings) do
  if redis.call("HSETNX", codes, one.kid, one.json) == 1 and one.kept_until then
    redis.call("HSET", used, one.kid, one.kept_until)
  end
end
local ids = {}
for _, one in ipairs(state.subscriptions) do
  local own = read_table(subscriptions, one.owner)
  for id, text in pairs(own) do
    if cjson.decode(text).endpoint == one.endpoint then ids[one.id] = id end
  end
  if not ids[one.id] then
    ids[one.id] = one.id
    own[one.id] = one.json
    write_table(subscriptions, one.owner, own)
    redis.call("HSET", owner_of, one.id, one.owner)
    if one.success then redis.call("HSET", success, one.id, one.success) end
    if one.failure then redis.call("HSET", failure, one.id, one.failure) end
    if one.retry then redis.call("HSET", retry, one.id, one.retry) end
  end
end
for _, one in ipairs(state.rules) do
  local own = read_table(rules, one.owner)
  if own[one.name] == nil then own[one.name] = one.json end
  write_table(rules, one.owner, own)
end
for _, one in ipairs(state.states) do redis.call("HSETNX", states, one.owner, one.json) end
for _, one in ipairs(state.absences) do redis.call("HSETNX", absences, one.id, one.since) end
for index, one in ipairs(state.alerts) do
  if redis.call("SADD", alert_owners, one.owner) == 1 then redis.call("RPUSH", KEYS[first + 3 + index], unpack(one.texts)) end
end
for _, one in ipairs(state.messages) do
  one.message.subscription = ids[one.message.subscription]
  add_message(one.message, math.huge, math.huge)
  local id = redis.call("GET", last_id)
  redis.call("HSET", attempts, id, one.attempts)
  if one.shortened then redis.call("HSET", shortened, id, one.shortened) end
end
return 1`);

/**
 * Moves the content of a state file to the server, then renames the file. It does nothing if there is no file, and adds
 * nothing twice, wherever it is ended.
 *
 * @returns true if what was in a file is at the server
 * @throws {StateFileError} if the file cannot be used, or another process uses it
 */
export async function importStateFile(database: RedisRunner, options: StateImportOptions): Promise<boolean> {
  const { path, files, log } = options;
  const state = await readState(options);
  if (state === undefined) return false;
  const document = formatState(state);
  const isAdded = await database.run(IMPORT, {
    keys: [
      ...pushKeys(database),
      database.key("uses"),
      ...pairingKeys(database),
      database.key("imports"),
      ...alertsByOwner(state).keys().map((owner) => database.key(`push:alerts:${owner}`)),
    ],
    args: [createHash("sha256").update(document).digest("hex"), document],
  }) === 1;
  const moved = `${path}.imported`;
  try {
    await files.rename(path, moved);
  } catch (error) {
    // Another process with the same folder has moved it.
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new StateFileError(
        `State file "${path}" is in Redis now, and cannot be renamed: ${errorText(error)}. Rename it to "${moved}"`,
      );
    }
  }
  if (!isAdded) return true;
  const { uses, pairings, subscriptions, rules, messages, interrupted } = state;
  log.warn(
    "State file {file} was moved to Redis: {uses} counts of uses, {pairings} pairing codes, {subscriptions} subscriptions, " +
      "{rules} rules, {messages} messages, without {interrupted} that may have arrived. It is {moved} now",
    {
      file: path,
      moved,
      uses: uses.length,
      pairings: pairings.length,
      subscriptions: subscriptions.length,
      rules: rules.length,
      messages: messages.length,
      interrupted,
    },
  );
  return true;
}

/** Reads the content of the file, once no other process uses it: another one may move it at the same time. */
async function readState(options: StateImportOptions): Promise<ExportedState | undefined> {
  for (let attempt = 1;; attempt += 1) {
    try {
      return await readUnusedState(options);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
    await pause(PAUSE_MS);
  }
}

async function readUnusedState(options: StateImportOptions): Promise<ExportedState | undefined> {
  const { path, files } = options;
  const file = new StateDatabase(options);
  let state: ExportedState | undefined;
  try {
    state = await file.useIfPresent(undefined, exportState);
  } finally {
    await file.close();
  }
  // The last process that closes the database deletes its log.
  if (state === undefined || await lstatIfPresent(`${path}-wal`, files) === undefined) return state;
  throw new StateFileError(
    `State file "${path}" is to be moved to Redis, and another process uses it. Stop all gateways that still run ` +
      "without REDIS_URL",
  );
}

function formatState(state: ExportedState): string {
  const text = (time: number | undefined) => time === undefined ? undefined : String(time);
  return JSON.stringify({
    uses: state.uses,
    pairings: state.pairings.map((one) => ({
      kid: one.kid,
      json: formatPairing(one),
      kept_until: text(one.keptUntil),
    })),
    subscriptions: state.subscriptions.map((one) => ({
      ...{ owner: ownerText(one), id: one.id, endpoint: one.endpoint, json: formatSubscription(one) },
      ...{ success: text(one.lastSuccess), failure: text(one.lastFailure), retry: text(one.retryAt || undefined) },
    })),
    rules: state.rules.map((one) => ({ owner: ownerText(one), name: one.name, json: one.json })),
    states: state.states.map((one) => ({ owner: ownerText(one), json: one.json })),
    absences: state.absences.map((one) => ({ id: absenceText(one), since: String(one.since) })),
    alerts: [...alertsByOwner(state)].map(([owner, alerts]) => ({ owner, texts: alerts.map(formatAlert) })),
    messages: state.messages.map(({ attempts, isShortened, added, ...message }) => ({
      message: formatMessage(message, added),
      attempts,
      shortened: isShortened ? JSON.stringify(message.text) : undefined,
    })),
  });
}

function alertsByOwner({ alerts }: ExportedState): Map<string, ExportedState["alerts"]> {
  return Map.groupBy(alerts, ownerText);
}
