/**
 * Cool-downs of actions on a server of Valkey or Redis, for all replicas: its clock counts, and it may lose them when it
 * restarts.
 *
 * @module
 */
import { z } from "zod";
import type { CoolDowns } from "./cool_downs.ts";
import { RedisScript } from "./redis_script.ts";
import type { RedisServer } from "./redis_server.ts";

/** Begins one, or returns the milliseconds until the earlier one ends. */
const BEGIN = new RedisScript(`
if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 0 end
return math.max(1, redis.call("PTTL", KEYS[1]))`);

/** Ends one, and no later one. */
const TAKE_BACK = new RedisScript(`
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])`);

/** Makes the cool-downs on a server. */
export function createRedisCoolDowns({ connection, prefix }: Pick<RedisServer, "connection" | "prefix">): CoolDowns {
  async function run(script: RedisScript, name: string, ...args: readonly string[]): Promise<unknown> {
    const { client } = connection;
    if (client === undefined) throw new Error("Redis is not connected");
    return await script.run(client, { keys: [`${prefix}cool_down:${name}`], args });
  }

  return {
    async begin(name, ms) {
      const own = crypto.randomUUID();
      const leftMs = z.number().parse(await run(BEGIN, name, own, String(ms)));
      if (leftMs > 0) return { hasBegun: false, leftMs };
      return { hasBegun: true, takeBack: async () => void await run(TAKE_BACK, name, own) };
    },
  };
}
