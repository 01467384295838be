/**
 * Cool-downs: the least time between two runs of an action, which is the same for all keys.
 *
 * @module
 */
import type { CoolDowns } from "../../store/cool_downs.ts";
import { ServiceError } from "../service.ts";
import { fromStore } from "./outcome.ts";

/** Longest `retry_after`, in seconds. */
const MAX_RETRY_SECONDS = 60;

/**
 * Begins the cool-down of an action, if it has one.
 *
 * @param ms its length, in milliseconds; undefined for none
 * @returns the function that takes it back, where nothing was sent
 * @throws {ServiceError} if an earlier one has not ended, or the store fails
 */
export async function beginCoolDown(
  coolDowns: CoolDowns,
  name: string,
  ms: number | undefined,
): Promise<() => Promise<void>> {
  if (ms === undefined) return () => Promise.resolve();
  const coolDown = await fromStore("The cool-down of the action cannot be checked", () => coolDowns.begin(name, ms));
  if (!coolDown.hasBegun) throw ranJustNow(coolDown.leftMs);
  // Where the store fails, it lasts.
  return () => coolDown.takeBack().catch(() => {});
}

function ranJustNow(leftMs: number): ServiceError {
  const seconds = Math.ceil(leftMs / 1000);
  // Clients add retry_after to the message.
  const later = seconds > MAX_RETRY_SECONDS ? `, and can run again in ${seconds} s` : "";
  return new ServiceError(429, `The action ran just now${later}`, {
    code: "busy",
    retryAfterSeconds: Math.min(seconds, MAX_RETRY_SECONDS),
  });
}
