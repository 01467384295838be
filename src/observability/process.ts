/**
 * Metrics of the process: memory, processor time, and the delay of the event loop.
 *
 * @module
 */
import type { MetricRegistry } from "./telemetry.ts";

/** Resources that the process uses. */
export interface ProcessStats {
  /** Memory of the process, in bytes. */
  readonly rssBytes: number;
  /** Memory of its JavaScript objects, in bytes. */
  readonly heapBytes: number;
  /** Processor time of all its threads together, in seconds. */
  readonly cpuSeconds: number;
  /** Time of its start, in seconds since 1970. */
  readonly startTimeSeconds: number;
}

/** Calls a function at an interval. Returns the function that ends it. */
export type RepeatWork = (work: () => void, everyMs: number) => () => void;

/** Options of the metrics of the process. */
export interface ProcessMetricsOptions {
  /** Reads the resources that the process uses. */
  readonly process: () => ProcessStats;
  /** Monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Interval timer; the platform's by default. */
  readonly repeat?: RepeatWork;
}

/** Interval of the timer whose delay is measured, in milliseconds. */
const TICK_MS = 1000;

/** Number of delays to keep: one minute, so that a scrape every minute misses none. */
const REMEMBERED_DELAYS = 60;

const repeatByInterval: RepeatWork = (work, everyMs) => {
  const timer = setInterval(work, everyMs);
  return () => clearInterval(timer);
};

/** Registers the metrics of the process. Returns the function that ends their timer. */
export function registerProcessMetrics(
  metrics: MetricRegistry,
  { process, monotonic, repeat = repeatByInterval }: ProcessMetricsOptions,
): () => void {
  metrics.gauge({
    name: "process_resident_memory_bytes",
    help: "Memory of the process, in bytes",
    read: () => process().rssBytes,
  });
  metrics.gauge({
    name: "process_heap_bytes",
    help: "Memory of the JavaScript objects, including unreachable ones, in bytes",
    read: () => process().heapBytes,
  });
  metrics.counter({
    name: "process_cpu_seconds_total",
    help: "Processor time of all threads together, in seconds",
    read: () => process().cpuSeconds,
  });
  metrics.gauge({
    name: "process_start_time_seconds",
    help: "Time of the start, in seconds since 1970",
    read: () => process().startTimeSeconds,
  });

  const delays: number[] = [];
  let tickedAt = monotonic();
  const currentDelay = () => Math.max(0, monotonic() - tickedAt - TICK_MS);
  metrics.gauge({
    name: "e2e_gateway_event_loop_lag_seconds",
    help: "Longest delay of a timer within the last minute, in seconds",
    // Includes a tick that is due: the scrape may run before it.
    read: () => Math.max(currentDelay(), ...delays) / 1000,
  });
  return repeat(() => {
    delays.push(currentDelay());
    if (delays.length > REMEMBERED_DELAYS) delays.shift();
    tickedAt = monotonic();
  }, TICK_MS);
}
