/**
 * Time that ages are counted from.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../../context.tsx";

/** Time between two updates of ages, in milliseconds. */
const TICK_MS = 30_000;

/** Returns the time in milliseconds since 1970, a new one now and then. */
export function useNow(): number {
  const { browser } = useApp();
  const [now, setNow] = useState(browser.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(browser.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [browser]);
  return now;
}
