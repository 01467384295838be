/**
 * Makes all checks of one round at the same time. None can hang, and none can break the others.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import { type Check, DEADLINE_SECONDS, type Result } from "./check.ts";
import { failed, type Finding, skipped } from "./finding.ts";
import type { DoctorContext } from "./context.ts";

/** What a check has to tell in its own words that its deadline is over, in milliseconds. */
const LAST_WORDS_MS = 500;

/** How to look. */
export interface RunChecksOptions {
  /** Ends all checks at once. */
  readonly signal: AbortSignal;
  /** The time that each check has, in milliseconds; 5 s by default. */
  readonly deadlineMs?: number;
}

/** Makes the checks; the results are in their order. Never throws. */
export function runChecks(
  checks: readonly Check[],
  house: DoctorContext,
  options: RunChecksOptions,
): Promise<Result[]> {
  return Promise.all(checks.map(async (check) => ({ name: check.name, ...await make(check, house, options) })));
}

async function make(
  check: Check,
  house: DoctorContext,
  { signal, deadlineMs = DEADLINE_SECONDS * 1000 }: RunChecksOptions,
): Promise<Finding> {
  const over = new AbortController();
  const hung = Promise.withResolvers<Finding>();
  const timers = [
    setTimeout(() => over.abort(), deadlineMs),
    setTimeout(
      () => hung.resolve(failed("Takes too long", "Try again; if it stays so, look into the log of that part")),
      deadlineMs + LAST_WORDS_MS,
    ),
  ];
  try {
    return await Promise.race([check.run(house, AbortSignal.any([signal, over.signal])), hung.promise]);
  } catch (error) {
    // What was thrown may quote anything, so only its kind is told.
    const name = errorName(error);
    if (name === "NotCapable") return skipped("The sandbox does not allow to look", "Run it as: deno task doctor");
    return failed(`The check itself broke (${name})`, "Please report this as a fault of the doctor");
  } finally {
    timers.forEach(clearTimeout);
  }
}
