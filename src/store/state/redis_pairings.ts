/**
 * Pairing codes on a server of Valkey or Redis.
 *
 * @module
 */
import { z } from "zod";
import { RedisScript } from "../redis_script.ts";
import type { FoundPairing, Pairing, PairingClaim, PairingLimit, PendingPairing } from "./pairing_store.ts";
import type { RedisDatabase, RedisRunner } from "./redis_database.ts";

/** `codes` has the code of each id as JSON, `used` the time until which a used one is found. */
const PRELUDE = `
local codes, used = KEYS[1], KEYS[2]
local function remove_old(now)
  local all = redis.call("HGETALL", codes)
  for index = 1, #all, 2 do
    local ends = redis.call("HGET", used, all[index]) or cjson.decode(all[index + 1]).expires
    if tonumber(ends) <= tonumber(now) then
      redis.call("HDEL", codes, all[index])
      redis.call("HDEL", used, all[index])
    end
  end
end
local function waiting()
  local found = {}
  local all = redis.call("HGETALL", codes)
  for index = 1, #all, 2 do
    if redis.call("HEXISTS", used, all[index]) == 0 then
      found[#found + 1] = { kid = all[index], json = all[index + 1], code = cjson.decode(all[index + 1]) }
    end
  end
  return found
end
`;

/** Codes that have ended do not count, also where nothing is changed. */
const ADD = new RedisScript(`${PRELUDE}
local kid, json, name, now, max = unpack(ARGV)
local same, count = {}, 0
for _, one in ipairs(waiting()) do
  if one.code.name == name then same[#same + 1] = one.kid
  elseif one.code.expires > tonumber(now) then count = count + 1 end
end
if not (count < tonumber(max)) then return 0 end
remove_old(now)
for _, one in ipairs(same) do redis.call("HDEL", codes, one) end
redis.call("HSET", codes, kid, json)
return 1`);

const FIND = new RedisScript(`${PRELUDE}
return { redis.call("HGET", codes, ARGV[1]), redis.call("HGET", used, ARGV[1]) }`);

const CLAIM = new RedisScript(`${PRELUDE}
local kid, now, keep_until = unpack(ARGV)
remove_old(now)
local json = redis.call("HGET", codes, kid)
if not json or redis.call("HEXISTS", used, kid) == 1 then return 0 end
redis.call("HSET", used, kid, keep_until)
return 1`);

const RETURN = new RedisScript(`${PRELUDE}
local json = redis.call("HGET", codes, ARGV[1])
if not json then return 0 end
local name = cjson.decode(json).name
for _, one in ipairs(waiting()) do
  if one.code.name == name then return 0 end
end
return redis.call("HDEL", used, ARGV[1])`);

const LIST = new RedisScript(`${PRELUDE}
local found = {}
for _, one in ipairs(waiting()) do found[#found + 1] = one.json end
return found`);

const REMOVE = new RedisScript(`${PRELUDE}
local is_waiting = 0
local all = redis.call("HGETALL", codes)
for index = 1, #all, 2 do
  if cjson.decode(all[index + 1]).name == ARGV[1] then
    if redis.call("HEXISTS", used, all[index]) == 0 then is_waiting = 1 end
    redis.call("HDEL", codes, all[index])
    redis.call("HDEL", used, all[index])
  end
end
return is_waiting`);

const code = z.object({
  secret: z.string(),
  name: z.string(),
  record: z.string().optional(),
  expires: z.number(),
});

const codes = z.array(z.string().transform((text) => code.parse(JSON.parse(text))));

const found = z.tuple([z.string().nullable(), z.string().nullable()]);

/** Keys of the codes, in the order of the scripts. */
export function pairingKeys(database: Pick<RedisRunner, "key">): readonly string[] {
  return [database.key("pairings"), database.key("pairings:used")];
}

/** Formats a code as it is stored. */
export function formatPairing({ secret, name, record, expires }: Omit<Pairing, "kid">): string {
  return JSON.stringify({ secret: secret.toHex(), name, record, expires });
}

/** Adds a code, as `PairingStore.addPairing` says. */
export async function addPairing(
  database: RedisDatabase,
  { kid, ...pairing }: Pairing,
  { now, max }: PairingLimit,
): Promise<boolean> {
  const args = [kid, formatPairing(pairing), pairing.name, String(now), String(max)];
  return await database.run(ADD, { keys: pairingKeys(database), args }) === 1;
}

/** Finds a code, as `PairingStore.findPairing` says. */
export async function findPairing(
  database: RedisDatabase,
  kid: string,
  now: number,
): Promise<FoundPairing | undefined> {
  const [text, keptUntil] = found.parse(await database.run(FIND, { keys: pairingKeys(database), args: [kid] }));
  if (text === null) return undefined;
  const { secret, name, record, expires } = code.parse(JSON.parse(text));
  if (Number(keptUntil ?? expires) <= now) return undefined;
  return { kid, secret: Uint8Array.fromHex(secret), name, record, expires, isUsed: keptUntil !== null };
}

/** Marks a code as used, as `PairingStore.claimPairing` says. */
export async function claimPairing(
  database: RedisDatabase,
  kid: string,
  { now, keepUntil }: PairingClaim,
): Promise<boolean> {
  const args = [kid, String(now), String(keepUntil)];
  return await database.runDurably(CLAIM, { keys: pairingKeys(database), args }) === 1;
}

/** Makes a used code valid again, as `PairingStore.returnPairing` says. */
export async function returnPairing(database: RedisDatabase, kid: string): Promise<void> {
  await database.run(RETURN, { keys: pairingKeys(database), args: [kid] });
}

/** Lists the codes that wait for their devices. */
export async function listPairings(database: RedisDatabase, now: number): Promise<PendingPairing[]> {
  const all = codes.parse(await database.run(LIST, { keys: pairingKeys(database) }));
  return all.filter(({ expires }) => expires > now)
    .map(({ name, record, expires }) => ({ name, record, expires }))
    .toSorted((one, other) => one.name < other.name ? -1 : 1);
}

/** Removes the codes of a name. */
export async function removePairings(database: RedisDatabase, name: string): Promise<boolean> {
  return await database.run(REMOVE, { keys: pairingKeys(database), args: [name] }) === 1;
}
