/**
 * The paces of the gateway: one for addresses before it is known who asks, one for keys after it.
 *
 * @module
 */
import type { Rate } from "../keys/schema.ts";
import { type CounterFactory, createRateLimiter, type RateLimiter, UNLIMITED } from "./rate_limiter.ts";

/** Whom a pace is kept for, by name and with a pace of its own if it has one. */
export interface RateLimited {
  /** Its name. */
  readonly name: string;
  /** Its own pace. */
  readonly rate: Rate | undefined;
}

/** The limiters that admission asks. */
export interface RateLimits {
  /** Requests of each address. */
  readonly requests: RateLimiter;
  /** Failures of each address: what no key opens, and what is stale. */
  readonly failures: RateLimiter;
  /** Counts a request of a key. Returns 0 if it may run, otherwise how many seconds to wait. */
  takeKey(key: RateLimited): Promise<number>;
}

/** The paces, and where they are counted. */
export interface RateLimitsOptions {
  /** Requests of each address. */
  readonly address: Rate;
  /** Failures of each address. */
  readonly failed: Rate;
  /** Requests of each key that has no pace of its own. */
  readonly key: Rate;
  /** Makes the counters. */
  readonly createCounter: CounterFactory;
}

/** Makes the limiters. */
export function createRateLimits({ address, failed, key, createCounter }: RateLimitsOptions): RateLimits {
  const make = (name: string, rate: Rate) => createRateLimiter(name, { rate, makeCounter: createCounter });
  // One for each pace, of which a file of keys has few.
  const byPace = new Map<string, RateLimiter>();

  return {
    requests: make("address", address),
    failures: make("failed", failed),
    takeKey({ name, rate = key }) {
      const pace = `key:${rate.burst}:${rate.perSecond}`;
      const limiter = byPace.get(pace) ?? make(pace, rate);
      byPace.set(pace, limiter);
      return limiter.take(name);
    },
  };
}

/** No pace for anybody. */
export const NO_RATE_LIMITS: RateLimits = {
  requests: UNLIMITED,
  failures: UNLIMITED,
  takeKey: () => Promise.resolve(0),
};
