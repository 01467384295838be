/**
 * How often somebody may do something.
 *
 * @module
 */
import { BurstyRateLimiter, type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Rate } from "./key_record.ts";

/** Counts what somebody does, and says when it is too much. */
export interface RateLimiter {
  /**
   * Counts one more.
   *
   * @param id whom to count it for
   * @returns 0 if it may be done, otherwise how many seconds to wait
   */
  take(id: string): Promise<number>;
  /** Tells what `take` would say, without counting. */
  peek(id: string): Promise<number>;
}

/** Makes one counter of points in a window of time; `keyPrefix` tells it from the others. */
export type MakeCounter = (
  options: { readonly keyPrefix: string; readonly points: number; readonly duration: number },
) => RateLimiterAbstract;

/** Counters in the memory of this process. */
export const inMemory: MakeCounter = (options) => new RateLimiterMemory(options);

/** What does not fit into the rate of each second is taken from the burst, which is full again after so many seconds. */
const BURST_SECONDS = 60;

/**
 * Makes a rate limiter: `burst` at once, then `perSecond`. The burst is there again a minute after it was begun.
 *
 * @param name tells its counts from those of other limiters
 */
export function createRateLimiter(
  name: string,
  { rate, makeCounter }: { readonly rate: Rate; readonly makeCounter: MakeCounter },
): RateLimiter {
  const counter = (kind: string, points: number, duration: number) =>
    makeCounter({ keyPrefix: `e2eg:${name}:${kind}`, points, duration });
  const second = counter("second", rate.perSecond, 1);
  const burst = counter("burst", rate.burst - rate.perSecond, BURST_SECONDS);
  const both = new BurstyRateLimiter(second, burst);

  return {
    async take(id) {
      try {
        await both.consume(id);
        return 0;
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return secondsUntil(refused);
        throw refused;
      }
    },
    async peek(id) {
      const [now, spent] = await Promise.all([second.get(id), burst.get(id)]);
      const isOver = now !== null && now.consumedPoints >= rate.perSecond &&
        (spent?.consumedPoints ?? 0) >= rate.burst - rate.perSecond;
      return isOver ? secondsUntil(now) : 0;
    },
  };
}

/** Lets everything pass. */
export const UNLIMITED: RateLimiter = { take: () => Promise.resolve(0), peek: () => Promise.resolve(0) };

function secondsUntil({ msBeforeNext }: RateLimiterRes): number {
  // Never longer than a whole burst takes, whatever somebody does to the clock.
  return Math.min(Math.max(1, Math.ceil(msBeforeNext / 1000)), BURST_SECONDS);
}
