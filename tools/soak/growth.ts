/** Bounds on what a gateway may grow during a soak. */
import { slopeOf } from "../support/statistics.ts";

/** Measurement of the gateway after a garbage collection. */
export interface SoakSample {
  /** Minutes since the start. */
  readonly minutes: number;
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Memory of JavaScript objects, in bytes. */
  readonly heap: number;
  /** Open files and sockets. */
  readonly descriptors: number;
  /** Pending timers. */
  readonly timers: number;
  /** Open Deno resources. */
  readonly resources: number;
  /** Open streams of clients. */
  readonly streams: number;
  /** Errors of clients since the previous sample. */
  readonly errors: number;
}

/** Bound on the growth of one metric. */
export interface Bound {
  /** Field of the sample. */
  readonly metric: "rss" | "heap" | "descriptors" | "timers" | "resources";
  /** Display name. */
  readonly name: string;
  /** Largest rise of the fitted line over the second half that noise alone explains, in the metric's unit. */
  readonly most: number;
}

/** All bounds. */
export const BOUNDS: readonly Bound[] = [
  { metric: "rss", name: "RSS", most: 16 * 2 ** 20 },
  { metric: "heap", name: "Heap", most: 6 * 2 ** 20 },
  { metric: "descriptors", name: "Descriptors", most: 10 },
  { metric: "timers", name: "Timers", most: 10 },
  { metric: "resources", name: "Resources", most: 20 },
];

/** Shortest run whose growth can be judged, in minutes: in a shorter one, caches still fill in the second half. */
export const SHORTEST_MINUTES = 20;

/** Returns the rise of the line fitted through the second half, from its beginning to its end. */
export function riseOf(samples: readonly SoakSample[], { metric }: Pick<Bound, "metric">): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const length = (half.at(-1)?.minutes ?? 0) - (half[0]?.minutes ?? 0);
  return slopeOf(half.map((sample) => ({ x: sample.minutes, y: sample[metric] }))) * length;
}

/** Returns the bounds that are exceeded. */
export function exceededBounds(samples: readonly SoakSample[]): Bound[] {
  return BOUNDS.filter((bound) => riseOf(samples, bound) > bound.most);
}
