/**
 * Counters of paces in Valkey or Redis, shared by all gateways that use it. To be imported dynamically.
 *
 * @module
 */
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";
import type { CounterFactory } from "../limits/rate_limiter.ts";
import type { RedisConnection } from "./redis_connection.ts";

/** Makes counters on a server. While it is away, each counts in memory: a pace is no reason to refuse everything. */
export function redisCounter({ limits }: Pick<RedisConnection, "limits">): CounterFactory {
  return (options) =>
    new RateLimiterRedis({
      ...options,
      storeClient: limits,
      useRedisPackage: true,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(options),
      // Whoever is over his pace is turned away here, without a question to the server.
      inMemoryBlockOnConsumed: options.points + 1,
    });
}
