/** Time for which work holds the event loop. */
import { setImmediate } from "node:timers/promises";

/** Runs work, and returns its time, in milliseconds. */
export function timeOf(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

/** Returns the times between two turns of the event loop until work ends, in milliseconds. */
export async function turnsUntil(work: Promise<unknown>): Promise<number[]> {
  let isRunning = true;
  const ended = work.finally(() => isRunning = false);
  const turns: number[] = [];
  for (let last = performance.now(); isRunning;) {
    await setImmediate();
    const now = performance.now();
    turns.push(now - last);
    last = now;
  }
  await ended;
  return turns;
}
