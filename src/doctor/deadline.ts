/**
 * How long a check may take.
 *
 * @module
 */

/** The time that each check has, in seconds: what a person waits for, and far above any answer in a house. */
export const DEADLINE_SECONDS = 5;
