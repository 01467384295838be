/**
 * What the process takes of its machine, and whether it keeps up.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";

/** What the platform knows of the process. */
export interface ProcessStats {
  /** Memory that it holds, in bytes. */
  readonly rssBytes: number;
  /** Memory that its objects take, in bytes. */
  readonly heapBytes: number;
  /** Time that it has computed, of all its threads together, in seconds. */
  readonly cpuSeconds: number;
  /** When it started, in seconds since 1970. */
  readonly startTimeSeconds: number;
}

/** Calls a function again and again. Returns what ends that. */
export type Repeat = (work: () => void, everyMs: number) => () => void;

/** What showing the process takes. */
export interface ProcessMetricsOptions {
  /** Asks for the figures. */
  readonly process: () => ProcessStats;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** The timer; the platform's when absent. */
  readonly repeat?: Repeat;
}

/** The process, as far as it is shown. */
export interface ProcessMetrics {
  /** Writes what is now in Prometheus' text format. */
  text(): Promise<string>;
  /** Ends the timer. */
  close(): void;
}

/** How often the timer asks for its turn, in milliseconds: seldom enough to cost nothing. */
const TICK_MS = 1000;

/** How many delays to remember: a minute, so that whoever asks that often misses none. */
const REMEMBERED_DELAYS = 60;

const repeatByInterval: Repeat = (work, everyMs) => {
  const timer = setInterval(work, everyMs);
  return () => clearInterval(timer);
};

/** Makes the metrics, and measures until it is closed. */
export function createProcessMetrics(
  { process, monotonic, repeat = repeatByInterval }: ProcessMetricsOptions,
): ProcessMetrics {
  const registry = new Registry();
  const registers = [registry];
  const rss = new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory that the process holds, in bytes",
    registers,
  });
  const heap = new Gauge({
    name: "process_heap_bytes",
    help: "Memory that the objects of the process take, in bytes, with those that nobody needs any more",
    registers,
  });
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "Seconds that the process has computed, of all its threads together",
    registers,
  });
  const started = new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970",
    registers,
  });
  const lag = new Gauge({
    name: "e2e_gateway_event_loop_lag_seconds",
    help: "How long the gateway let a timer wait for its turn, in seconds, the longest within the last minute",
    registers,
  });

  const delays: number[] = [];
  let ticked = monotonic();
  const delay = () => Math.max(0, monotonic() - ticked - TICK_MS);
  const stop = repeat(() => {
    delays.push(delay());
    if (delays.length > REMEMBERED_DELAYS) delays.shift();
    ticked = monotonic();
  }, TICK_MS);

  return {
    text() {
      const { rssBytes, heapBytes, cpuSeconds, startTimeSeconds } = process();
      rss.set(rssBytes);
      heap.set(heapBytes);
      // The figure is a total already.
      cpu.reset();
      cpu.inc(cpuSeconds);
      started.set(startTimeSeconds);
      // The timer that is due now counts, too: whoever asks may have got the turn before it.
      lag.set(Math.max(delay(), ...delays) / 1000);
      return registry.metrics();
    },
    close: stop,
  };
}
