/**
 * Rate limiter with a burst.
 *
 * @module
 */
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

/** Rate limit with a burst. */
export interface Rate {
  /** Maximum number of requests at once. */
  readonly burst: number;
  /** Maximum number of requests per second in the long run. */
  readonly perSecond: number;
}

/** Rate limiter. */
export interface RateLimiter {
  /**
   * Counts an operation.
   *
   * @param id id that it counts for
   * @returns 0 if it is allowed, otherwise the seconds to wait
   */
  take(id: string): Promise<number>;
  /** Returns what `take` would return, without counting. */
  peek(id: string): Promise<number>;
}

/** Points that were counted in the current window. */
export interface Count {
  /** Points so far. */
  readonly consumedPoints: number;
  /** Milliseconds until the window ends. */
  readonly msBeforeNext: number;
}

/** Counter of points in time windows: the part of the library's limiters that this module uses. */
export interface Counter {
  /** Counts a point. Rejects with the library's `RateLimiterRes` beyond the limit. */
  consume(id: string): Promise<Count>;
  /** Returns the count; null if no window is open. */
  get(id: string): Promise<Count | null>;
}

/** Id and limit of a counter. */
export interface CounterOptions {
  /** Prefix that distinguishes its counts from those of other counters. */
  readonly keyPrefix: string;
  /** Most points within a window. */
  readonly points: number;
  /** Length of a window, in seconds. */
  readonly duration: number;
}

/** Returns a counter. */
export type CounterFactory = (options: CounterOptions) => Counter;

/** Returns a counter in the memory of this process. */
export function memoryCounter(options: CounterOptions): Counter {
  return new RateLimiterMemory(options);
}

/** Seconds after which a burst is available again; operations beyond the rate of a second are taken from it. */
const BURST_SECONDS = 60;

/**
 * Returns a rate limiter: `burst` at once, then `perSecond`. The burst is available again a minute after it was begun.
 *
 * @param name name that distinguishes its counts from those of other limiters
 */
export function createRateLimiter(
  name: string,
  { rate, createCounter }: { readonly rate: Rate; readonly createCounter: CounterFactory },
): RateLimiter {
  const counter = (kind: string, points: number, duration: number) =>
    createCounter({ keyPrefix: `${name}:${kind}`, points, duration });
  const second = counter("second", rate.perSecond, 1);
  const burst = counter("burst", rate.burst - rate.perSecond, BURST_SECONDS);

  return {
    take: (id) =>
      second.consume(id).then(allowed, async (error) => {
        const wait = waitOf(error);
        return await burst.consume(id).then(allowed, waitOf) === 0 ? 0 : wait;
      }),
    async peek(id) {
      const now = await second.get(id);
      if (now === null || now.consumedPoints < rate.perSecond) return 0;
      const spent = await burst.get(id);
      return (spent?.consumedPoints ?? 0) >= rate.burst - rate.perSecond ? secondsUntil(now) : 0;
    },
  };
}

function allowed(): number {
  return 0;
}

/** Returns the seconds to wait beyond the limit; throws any other error of a counter. */
function waitOf(error: unknown): number {
  if (error instanceof RateLimiterRes) return secondsUntil(error);
  throw error;
}

/** Rate limiter that allows everything. */
export const UNLIMITED: RateLimiter = { take: () => Promise.resolve(0), peek: () => Promise.resolve(0) };

function secondsUntil({ msBeforeNext }: Count): number {
  // Never longer than a whole burst takes, even if the clock was set.
  return Math.min(Math.max(1, Math.ceil(msBeforeNext / 1000)), BURST_SECONDS);
}
