/**
 * Rate of the alerts of one key, with the test notifications that its devices ask for.
 *
 * @module
 */
import { TokenBucket } from "../limits/token_bucket.ts";

/** Most alerts of a key at once. */
const ALERT_BURST = 30;

/** Time after which a key may have a further alert, in milliseconds. */
export const ALERT_INTERVAL_MS = 2000;

/**
 * Makes the limiter of one key.
 *
 * @param monotonic clock that never jumps, in milliseconds
 */
export function createAlertRate(monotonic: () => number): TokenBucket {
  return new TokenBucket({ burst: ALERT_BURST, everyMs: ALERT_INTERVAL_MS, monotonic });
}
