/**
 * How often somebody may do something.
 *
 * @module
 */
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Rate } from "../keys/schema.ts";

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

/** How much was counted in the window that is open. */
export interface Count {
  /** Points so far. */
  readonly consumedPoints: number;
  /** Until the window ends, in milliseconds. */
  readonly msBeforeNext: number;
}

/** Counts points in windows of time: a limiter of the library, as far as this module knows it. */
export interface Counter {
  /** Counts a point. Rejects with the library's `RateLimiterRes` where it is one too many. */
  consume(id: string): Promise<Count>;
  /** Tells the count, or null where no window is open. */
  get(id: string): Promise<Count | null>;
}

/** What one counter counts. */
export interface CounterOptions {
  /** Tells its counts from those of the others. */
  readonly keyPrefix: string;
  /** Most points within a window. */
  readonly points: number;
  /** Length of a window, in seconds. */
  readonly duration: number;
}

/** Makes a counter. */
export type CounterFactory = (options: CounterOptions) => Counter;

/** Makes a counter in the memory of this process. */
export function memoryCounter(options: CounterOptions): Counter {
  return new RateLimiterMemory(options);
}

/** What does not fit into the rate of each second is taken from the burst, which is full again after so many seconds. */
const BURST_SECONDS = 60;

/**
 * Makes a rate limiter: `burst` at once, then `perSecond`. The burst is there again a minute after it was begun.
 *
 * @param name tells its counts from those of other limiters
 */
export function createRateLimiter(
  name: string,
  { rate, makeCounter: createCounter }: { readonly rate: Rate; readonly makeCounter: CounterFactory },
): RateLimiter {
  const counter = (kind: string, points: number, duration: number) =>
    createCounter({ keyPrefix: `e2eg:${name}:${kind}`, points, duration });
  const second = counter("second", rate.perSecond, 1);
  const burst = counter("burst", rate.burst - rate.perSecond, BURST_SECONDS);

  return {
    async take(id) {
      const wait = await tooMuch(second, id);
      return wait === 0 || await tooMuch(burst, id) === 0 ? 0 : wait;
    },
    async peek(id) {
      const [now, spent] = await Promise.all([second.get(id), burst.get(id)]);
      const isOver = now !== null && now.consumedPoints >= rate.perSecond &&
        (spent?.consumedPoints ?? 0) >= rate.burst - rate.perSecond;
      return isOver ? secondsUntil(now) : 0;
    },
  };
}

/** Counts a point. Returns 0, or how many seconds to wait if it is one too many. */
async function tooMuch(counter: Counter, id: string): Promise<number> {
  try {
    await counter.consume(id);
    return 0;
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return secondsUntil(refused);
    throw refused;
  }
}

/** Lets everything pass. */
export const UNLIMITED: RateLimiter = { take: () => Promise.resolve(0), peek: () => Promise.resolve(0) };

function secondsUntil({ msBeforeNext }: Count): number {
  // Never longer than a whole burst takes, whatever somebody does to the clock.
  return Math.min(Math.max(1, Math.ceil(msBeforeNext / 1000)), BURST_SECONDS);
}
