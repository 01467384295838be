/** Whether a gateway grows. */
import type { Point } from "./chart.ts";

/** One look at the gateway, after a collection. */
export interface SoakSample {
  /** Minutes since the start. */
  readonly minutes: number;
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** Memory of JavaScript's objects, in bytes. */
  readonly heap: number;
  /** Open files and sockets. */
  readonly descriptors: number;
  /** Timers that wait. */
  readonly timers: number;
  /** Open resources of Deno's. */
  readonly resources: number;
  /** Streams that phones have open. */
  readonly streams: number;
  /** Errors that phones got since the look before. */
  readonly errors: number;
}

/** A figure that must not grow. */
export interface Bound {
  /** Which one. */
  readonly figure: "rss" | "heap" | "descriptors" | "timers" | "resources";
  /** How it is called. */
  readonly name: string;
  /** Most rise of the fitted line over the second half, in the figure's unit: what noise alone may look like. */
  readonly most: number;
}

/** The bounds. */
export const BOUNDS: readonly Bound[] = [
  { figure: "rss", name: "RSS", most: 16 * 2 ** 20 },
  { figure: "heap", name: "Heap", most: 6 * 2 ** 20 },
  { figure: "descriptors", name: "Descriptors", most: 10 },
  { figure: "timers", name: "Timers", most: 10 },
  { figure: "resources", name: "Resources", most: 20 },
];

/** Shorter than this, caches still fill in the second half, in minutes. */
export const SHORTEST_MINUTES = 20;

/** How much a line through the second half rises from its beginning to its end. */
export function riseOf(samples: readonly SoakSample[], { figure }: Pick<Bound, "figure">): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const length = (half.at(-1)?.minutes ?? 0) - (half[0]?.minutes ?? 0);
  return slopeOf(half.map((sample) => ({ x: sample.minutes, y: sample[figure] }))) * length;
}

/** The figures that grow more than they may. */
export function growing(samples: readonly SoakSample[]): Bound[] {
  return BOUNDS.filter((bound) => riseOf(samples, bound) > bound.most);
}

/** Rise for each unit of x of the line that fits best, with the least squares; 0 where there are fewer than two places. */
export function slopeOf(points: readonly Point[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  if (!(spread > 0)) return 0;
  return points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
}
