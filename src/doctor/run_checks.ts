/**
 * Runs of all checks, once or repeatedly.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { errorName } from "../lib/errors.ts";
import { PROBE_TIMEOUT_SECONDS } from "../lib/fetch_failure.ts";
import { type Check, type CheckResult, failed, type Finding, forbidden } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import type { Report } from "./report.ts";

/** Time that a check has to report its own timeout, in milliseconds. */
const GRACE_MS = 500;

/** Limits of a run. */
export interface RunChecksOptions {
  /** Ends all checks at once. */
  readonly signal: AbortSignal;
  /** Time limit of each check, in milliseconds; 5 s by default. */
  readonly timeoutMs?: number;
}

/**
 * Runs checks at the same time, and returns their results in the same order. Never throws; a check that hangs or throws
 * does not affect the others.
 */
export function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  options: RunChecksOptions,
): Promise<CheckResult[]> {
  return Promise.all(checks.map(async (check) => ({ name: check.name, ...await runCheck(check, context, options) })));
}

async function runCheck(
  check: Check,
  context: DoctorContext,
  { signal, timeoutMs = PROBE_TIMEOUT_SECONDS * 1000 }: RunChecksOptions,
): Promise<Finding> {
  const timeout = new AbortController();
  const hung = Promise.withResolvers<Finding>();
  const timers = [
    setTimeout(() => timeout.abort(), timeoutMs),
    setTimeout(
      () => hung.resolve(failed("Takes too long", "Try again; if that does not help, see its log")),
      timeoutMs + GRACE_MS,
    ),
  ];
  try {
    return await Promise.race([check.run(context, AbortSignal.any([signal, timeout.signal])), hung.promise]);
  } catch (error) {
    // The message may quote a secret, so only the class of the error is reported.
    const name = errorName(error);
    if (name === "NotCapable") return forbidden();
    return failed(`The check itself failed (${name})`, "Please report this as a bug of the doctor");
  } finally {
    timers.forEach(clearTimeout);
  }
}

/** Options of repeated runs. */
export interface WatchOptions {
  /** Runs all checks once. */
  readonly runRound: (signal: AbortSignal) => Promise<Report>;
  /** Called with each report and the one before it; undefined in the first round. */
  readonly onReport: (report: Report, before: Report | undefined) => Promise<void>;
  /** Pause between two rounds, in milliseconds. */
  readonly pauseMs: number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** Runs rounds until an abort, and returns the last complete report; undefined if there is none. */
export async function watch({ runRound, onReport, pauseMs, signal }: WatchOptions): Promise<Report | undefined> {
  let last: Report | undefined;
  while (!signal.aborted) {
    const report = await runRound(signal);
    if (signal.aborted) break;
    await onReport(report, last);
    last = report;
    await pause(pauseMs, undefined, { signal }).catch(() => {});
  }
  return last;
}
