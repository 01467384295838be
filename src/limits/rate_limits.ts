/**
 * Rate limits of the gateway: requests and failures of each address, and requests of each key.
 *
 * @module
 */
import { type CounterFactory, createRateLimiter, type Rate, type RateLimiter, UNLIMITED } from "./rate_limiter.ts";

/** Settings of the rate limits: requests per second, and the burst that is allowed at once. */
export interface RateSettings {
  /** Whether rates are limited. */
  readonly limits: "on" | "off";
  /** Requests of each address, per second. */
  readonly addressRate: number;
  /** Burst of each address. */
  readonly addressBurst: number;
  /** Failures of each address, per second. */
  readonly failedRate: number;
  /** Burst of failures of each address. */
  readonly failedBurst: number;
  /** Requests of each key without a rate of its own, per second. */
  readonly keyRate: number;
  /** Burst of each such key. */
  readonly keyBurst: number;
}

/** Name and own rate of a key. */
export interface RateLimited {
  /** Name of the key. */
  readonly name: string;
  /** Rate of its own; undefined for the default one. */
  readonly rate: Rate | undefined;
}

/** Rate limiters of the gateway. */
export interface RateLimits {
  /** Requests of each address. */
  readonly requests: RateLimiter;
  /** Failures of each address: requests that no key opens, and expired ones. */
  readonly failures: RateLimiter;
  /** Files of the page to each address: they cost requests of keys nothing. */
  readonly files: RateLimiter;
  /** Counts a request of a key. Returns 0 if it may run, otherwise the seconds to wait. */
  takeKey(key: RateLimited): Promise<number>;
}

/** Rates, and the counters that measure them. */
export interface RateLimitsOptions {
  /** Rate of requests of each address. */
  readonly address: Rate;
  /** Rate of failures of each address. */
  readonly failed: Rate;
  /** Rate of each key without one of its own. */
  readonly key: Rate;
  /** Creates the counters. */
  readonly createCounter: CounterFactory;
}

/** Files of the page at once to an address: some ten openings, each of some thirty files with those kept for offline. */
const FILES_BURST = 400;

/** Files of the page a second to an address, after that: not much of the upload of a home. */
const FILES_RATE = 8;

/** Returns the rate limits of the settings. */
export function rateLimitsOf(settings: RateSettings, createCounter: CounterFactory): RateLimits {
  if (settings.limits === "off") return NO_RATE_LIMITS;
  return createRateLimits({
    address: { burst: settings.addressBurst, perSecond: settings.addressRate },
    failed: { burst: settings.failedBurst, perSecond: settings.failedRate },
    key: { burst: settings.keyBurst, perSecond: settings.keyRate },
    createCounter,
  });
}

/** Returns rate limits with nothing counted. */
export function createRateLimits({ address, failed, key, createCounter }: RateLimitsOptions): RateLimits {
  const create = (name: string, rate: Rate) => createRateLimiter(name, { rate, createCounter });
  // One limiter for each rate: a keys file has few different ones.
  const limitersByRate = new Map<string, RateLimiter>();

  return {
    requests: create("address", address),
    failures: create("failed", failed),
    files: create("files", { burst: FILES_BURST, perSecond: FILES_RATE }),
    takeKey({ name, rate = key }) {
      const id = `key:${rate.burst}:${rate.perSecond}`;
      const limiter = limitersByRate.get(id) ?? create(id, rate);
      limitersByRate.set(id, limiter);
      return limiter.take(name);
    },
  };
}

/** Rate limits that allow everything. */
export const NO_RATE_LIMITS: RateLimits = {
  requests: UNLIMITED,
  failures: UNLIMITED,
  files: UNLIMITED,
  takeKey: () => Promise.resolve(0),
};
