/**
 * Cool-downs of actions: on Valkey or Redis where it is configured, otherwise in memory.
 *
 * @module
 */
import { type CoolDowns, MemoryCoolDowns } from "../store/cool_downs.ts";
import type { RedisServer } from "../store/redis_server.ts";

/** Opens the cool-downs. */
export async function openCoolDowns(redis: RedisServer | undefined, monotonic: () => number): Promise<CoolDowns> {
  if (redis === undefined) return new MemoryCoolDowns(monotonic);
  // Loaded only when needed: most gateways use no Redis.
  const { createRedisCoolDowns } = await import("../store/redis_cool_downs.ts");
  return createRedisCoolDowns(redis);
}
