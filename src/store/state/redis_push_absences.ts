/**
 * Keys and secrets that own something here and are in no key file, on a server of Valkey or Redis.
 *
 * @module
 */
import { z } from "zod";
import { RedisScript } from "../redis_script.ts";
import type { Absence } from "./push_store.ts";
import type { RedisDatabase } from "./redis_database.ts";
import { ownerText, PUSH_PRELUDE, pushKeys } from "./redis_push_schema.ts";

/** Replaces the list in one step, and writes nothing in the usual case. */
const SET = new RedisScript(`${PUSH_PRELUDE}
local now, listed, since = ARGV[1], cjson.decode(ARGV[2]), {}
local is_same = redis.call("HLEN", absences) == #listed
for index, one in ipairs(listed) do
  local known = redis.call("HGET", absences, one)
  local is_past = known and tonumber(known) <= tonumber(now)
  is_same = is_same and is_past
  since[index] = is_past and known or now
end
if is_same then return since end
redis.call("DEL", absences)
for index, one in ipairs(listed) do redis.call("HSET", absences, one, since[index]) end
return since`);

/** Replaces the absences, as `PushStore.setAbsences` says. */
export async function setAbsences(
  database: RedisDatabase,
  absences: readonly Absence[],
  now: number,
): Promise<number[]> {
  const args = [String(now), JSON.stringify(absences.map(absenceText))];
  return z.array(z.string()).parse(await database.run(SET, { keys: pushKeys(database), args })).map(Number);
}

/** Formats an absence as the list has it. */
export function absenceText(absence: Absence): string {
  return JSON.stringify([ownerText(absence), absence.kid]);
}
