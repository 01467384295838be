/**
 * Limits of the gateway from its configuration.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { GatewayLimits } from "../gateway/limits.ts";
import type { CounterFactory } from "../limits/rate_limiter.ts";
import { createRateLimits, NO_RATE_LIMITS, type RateLimits } from "../limits/rate_limits.ts";

/** Number of the largest answers that may wait for their clients: more than a household requests at a time. */
const UNREAD_ANSWERS = 6;

/** Share of the requests of an address that may wait for their bodies, so that slow senders leave room for others. */
const PLACES_PER_BODY = 4;

/** Returns the limits of concurrent work and of memory. */
export function limitsOf(config: Config): GatewayLimits {
  return {
    maxBodies: config.MAX_BODIES,
    maxBodiesPerAddress: Math.ceil(config.MAX_REQUESTS_PER_ADDRESS / PLACES_PER_BODY),
    maxRequests: config.MAX_REQUESTS,
    maxRequestsPerAddress: config.MAX_REQUESTS_PER_ADDRESS,
    maxRequestsPerKey: config.MAX_REQUESTS_PER_KEY,
    maxStreams: config.MAX_STREAMS,
    maxStreamsPerKey: config.MAX_STREAMS_PER_KEY,
    maxAgeSeconds: config.MAX_AGE_SECONDS,
    maxBodyBytes: config.MAX_BODY_BYTES,
    bodyTimeoutMs: config.BODY_TIMEOUT_MS,
    maxQueueBytes: config.LISTENER_QUEUE_BYTES,
    maxBacklogBytes: config.BACKLOG_BYTES,
    maxUnreadBytes: UNREAD_ANSWERS * config.JEEDOM_MAX_RESPONSE_BYTES,
    maxEventBytes: config.MAX_EVENT_BYTES,
    stallTimeoutMs: config.LISTENER_PATIENCE_MS,
    keepAliveMs: config.STREAM_KEEPALIVE_SECONDS * 1000,
  };
}

/** Creates the rate limits. */
export function ratesOf(config: Config, createCounter: CounterFactory): RateLimits {
  if (config.RATE_LIMITS === "off") return NO_RATE_LIMITS;
  return createRateLimits({
    address: { burst: config.ADDRESS_BURST, perSecond: config.ADDRESS_RATE },
    failed: { burst: config.FAILED_BURST, perSecond: config.FAILED_RATE },
    key: { burst: config.KEY_BURST, perSecond: config.KEY_RATE },
    createCounter,
  });
}
