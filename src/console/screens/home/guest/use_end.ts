/**
 * The end of a key's validity, as it comes while the page is open.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../../../context.tsx";

/** Longest time of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Returns whether a time has passed. The component is rendered again when it does.
 *
 * @param end milliseconds since 1970; undefined for never
 */
export function useEnd(end: number | undefined): boolean {
  const { now } = useApp().browser;
  const [, setChecks] = useState(0);
  const left = end === undefined ? undefined : end - now();
  useEffect(() => {
    if (left === undefined || left <= 0) return;
    const timer = setTimeout(() => setChecks((checks) => checks + 1), Math.min(left, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  });
  return left !== undefined && left <= 0;
}
