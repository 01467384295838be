/**
 * Rounds that are repeated until somebody has seen enough.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Report } from "./report.ts";

/** How to watch. */
export interface WatchOptions {
  /** Makes one round. */
  readonly round: (signal: AbortSignal) => Promise<Report>;
  /** Told what was found, and what was before; undefined in the first round. */
  readonly tell: (report: Report, before: Report | undefined) => Promise<void>;
  /** The wait between two rounds, in milliseconds. */
  readonly pauseMs: number;
  /** The end. */
  readonly signal: AbortSignal;
}

/** Makes rounds, and returns the last whole one; undefined where there was none. A round that is cut short says nothing. */
export async function watch({ round, tell, pauseMs, signal }: WatchOptions): Promise<Report | undefined> {
  let last: Report | undefined;
  while (!signal.aborted) {
    const report = await round(signal);
    if (signal.aborted) break;
    await tell(report, last);
    last = report;
    await pause(pauseMs, undefined, { signal }).catch(() => {});
  }
  return last;
}
