/**
 * Counters of rate limits in Valkey or Redis, shared by all gateways that use it. Import it dynamically.
 *
 * @module
 */
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import type { CounterFactory } from "../limits/rate_limiter.ts";
import type { RedisServer } from "./redis_server.ts";

/** Makes counters on a server. While it is unavailable, each counts in memory instead of refusing all requests. */
export function redisCounter({ connection, prefix }: Pick<RedisServer, "connection" | "prefix">): CounterFactory {
  return (options) =>
    new RateLimiterRedis({
      ...options,
      keyPrefix: `${prefix}${options.keyPrefix}`,
      storeClient: connection.limits,
      useRedisPackage: true,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(options),
      // Above the limit, requests are refused without asking the server.
      inMemoryBlockOnConsumed: options.points + 1,
    });
}
