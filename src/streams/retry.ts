/**
 * When to come again after a restart: at another moment for each, so that not all phones of a house come at once.
 *
 * @module
 */

/** A restart takes about a second. */
const LEAST_SECONDS = 1;

/** A person waits no longer for a house that answers again; twenty phones come a fifth of a second apart. */
const MOST_SECONDS = 5;

/**
 * Draws a wait, in seconds with one decimal.
 *
 * @param random draws from 0 up to but not including 1
 */
export function randomRetrySeconds(random: () => number): number {
  const seconds = LEAST_SECONDS + random() * (MOST_SECONDS - LEAST_SECONDS);
  return Math.round(seconds * 10) / 10;
}
