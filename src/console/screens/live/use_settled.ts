/**
 * Value that follows another one once that stays the same.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";

/** Time for which a value stays the same before it counts, in milliseconds. */
const SETTLE_MS = 500;

/** Returns a value that lags behind while it changes. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
