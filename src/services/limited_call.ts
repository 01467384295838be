/**
 * Calls of other servers: each ends at its time limit, and when the gateway stops.
 *
 * @module
 */
import { abortable } from "../lib/async.ts";
import type { Deadlines } from "../lib/deadlines.ts";
import { ServiceError } from "./service.ts";

/** Limits of a call. */
export interface CallLimits {
  /** Name of the server, for the error. */
  readonly name: string;
  /** Longest wait for the whole answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Time limits. */
  readonly deadlines: Pick<Deadlines, "add">;
  /** Aborts when the gateway stops. */
  readonly closeSignal: AbortSignal;
}

/**
 * Runs a call until its time limit, or until the gateway stops.
 *
 * @param call aborted by its signal in both cases, and when it has ended: a connection whose answer is not read to its
 * end is closed
 * @throws {ServiceError} after the limit, and when the gateway stops
 */
export async function runLimited<T>(
  call: (signal: AbortSignal) => Promise<T>,
  { name, timeoutMs, deadlines, closeSignal }: CallLimits,
): Promise<T> {
  if (closeSignal.aborted) throw stopError({ isUnsent: true });
  const controller = new AbortController();
  const stop = () => controller.abort(stopError());
  // Not AbortSignal.any(), which keeps memory for each call until the gateway stops.
  closeSignal.addEventListener("abort", stop, { once: true });
  const deadline = deadlines.add(timeoutMs, () => controller.abort(timeoutError(name, timeoutMs)));
  const { signal } = controller;
  try {
    // Deno 2.9 at times ignores the signal of a fetch while its body is read.
    return await abortable(call(signal), signal);
  } finally {
    deadline.clear();
    closeSignal.removeEventListener("abort", stop);
    controller.abort();
  }
}

/** Makes the error for a call that took too long: it may have run. */
export function timeoutError(name: string, timeoutMs: number): ServiceError {
  return new ServiceError(504, `${name} did not answer within ${timeoutMs / 1000} s`, { code: "service_timeout" });
}

/** Makes the error for a call that ends because the gateway stops. */
export function stopError({ isUnsent = false }: { readonly isUnsent?: boolean } = {}): ServiceError {
  return new ServiceError(503, "Gateway is shutting down", { code: "restart", isUnsent });
}
