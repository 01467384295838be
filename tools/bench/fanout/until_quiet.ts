/** Waits for the end of deliveries without knowing whether all of them come. */

/** How to tell that it is over. */
export interface Deliveries {
  /** Whether everything has come that can come. */
  readonly complete: () => boolean;
  /** How many have come so far. */
  readonly count: () => number;
}

const LOOK_MS = 100;

/** Longest silence, in milliseconds, after which nothing more is expected. */
const SILENCE_MS = 20_000;

/** Waits until everything has come and a moment has passed for what is too much, or nothing has come for a while. */
export async function untilQuiet({ complete, count }: Deliveries): Promise<void> {
  let seen = -1;
  for (let silence = 0; silence < SILENCE_MS && !(complete() && silence >= 3 * LOOK_MS); silence += LOOK_MS) {
    if (count() !== seen) silence = 0;
    seen = count();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
