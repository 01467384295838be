/**
 * What a check is.
 *
 * @module
 */
import type { Finding } from "./finding.ts";
import type { DoctorContext } from "./context.ts";

/** The time that each check has, in seconds: what a person waits for, and far above any answer in a house. */
export const DEADLINE_SECONDS = 5;

/** One thing that has to be right, and how to see whether it is. Independent of all others. */
export interface Check {
  /** Its name in reports: one word in snake_case. */
  readonly name: string;
  /**
   * Looks, changes nothing, and leaves nothing behind.
   *
   * @param signal aborts at the check's deadline; what has not answered by then is told as such
   */
  run(house: DoctorContext, signal: AbortSignal): Promise<Finding>;
}

/** What a check found. */
export interface Result extends Finding {
  /** The check's name. */
  readonly name: string;
}
