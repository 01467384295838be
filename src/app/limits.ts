/**
 * The bounds of a gateway, as its configuration has them.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { GatewayLimits } from "../gateway/limits.ts";
import type { CounterFactory } from "../limits/rate_limiter.ts";
import { createRateLimits, NO_RATE_LIMITS, type RateLimits } from "../limits/rate_limits.ts";

/** How many of the largest answers may wait to be read: more than a household asks for at a time. */
const UNREAD_ANSWERS = 6;

/** One in so many requests of an address may wait for its body: those that come drop by drop leave room for others. */
const PLACES_PER_BODY = 4;

/** How much may be under way, and for how long. */
export function limitsOf(config: Config): GatewayLimits {
  return {
    maxBodies: config.requests.maxBodies,
    maxBodiesPerAddress: Math.ceil(config.requests.maxPerAddress / PLACES_PER_BODY),
    maxRequests: config.requests.max,
    maxRequestsPerAddress: config.requests.maxPerAddress,
    maxRequestsPerKey: config.requests.maxPerKey,
    maxStreams: config.streams.max,
    maxStreamsPerKey: config.streams.maxPerKey,
    maxAgeSeconds: config.replay.maxAgeSeconds,
    maxBodyBytes: config.requests.maxBodyBytes,
    bodyTimeoutMs: config.requests.bodyTimeoutMs,
    maxQueueBytes: config.streams.queueBytes,
    maxBacklogBytes: config.streams.backlogBytes,
    maxUnreadBytes: UNREAD_ANSWERS * config.jeedom.maxResponseBytes,
    maxEventBytes: config.streams.maxEventBytes,
    stallTimeoutMs: config.streams.stallTimeoutMs,
    keepAliveMs: config.streams.keepaliveSeconds * 1000,
  };
}

/** How often somebody may come. */
export function ratesOf(config: Config, createCounter: CounterFactory): RateLimits {
  if (config.rates.limits === "off") return NO_RATE_LIMITS;
  return createRateLimits({
    address: { burst: config.rates.addressBurst, perSecond: config.rates.addressRate },
    failed: { burst: config.rates.failedBurst, perSecond: config.rates.failedRate },
    key: { burst: config.rates.keyBurst, perSecond: config.rates.keyRate },
    createCounter,
  });
}
