/**
 * Health check of Home Assistant.
 *
 * @module
 */
import type { Deadlines } from "../../lib/deadlines.ts";
import { describeFetchError } from "../../lib/fetch_failure.ts";
import { headersOf } from "./api.ts";
import type { HomeAssistantAddress } from "./settings.ts";

/** Time until a refused token is tried again, in milliseconds: Home Assistant can ban an address for failed logins. */
const REFUSED_MS = 300_000;

/** Address of Home Assistant, and how it is reached. */
export interface HomeAssistantCheckOptions {
  /** Address and token. */
  readonly address: HomeAssistantAddress;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Longest wait for the answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Time limits of checks. */
  readonly deadlines: Deadlines;
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
}

/** Makes the function that rejects unless Home Assistant answers and accepts the token. */
export function createHomeAssistantCheck(options: HomeAssistantCheckOptions): () => Promise<void> {
  const { address, fetch, timeoutMs, deadlines, monotonic } = options;
  let refusedAt = -Infinity;
  return async () => {
    const refused = new Error(
      `Home Assistant at ${address.place} refuses the token: deno task doctor shows what to do`,
    );
    if (monotonic() - refusedAt < REFUSED_MS) throw refused;
    const status = await askStatus();
    if (status === 200) return;
    if (status !== 401) throw new Error(`Home Assistant's address ${address.place} answered with status ${status}`);
    refusedAt = monotonic();
    throw refused;
  };

  async function askStatus(): Promise<number> {
    const controller = new AbortController();
    const { signal } = controller;
    const deadline = deadlines.add(timeoutMs, () => controller.abort());
    try {
      const response = await fetch(`${address.api}/`, { headers: headersOf(address), redirect: "manual", signal });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      // The library's message may quote the request.
      throw new Error(`Home Assistant at ${address.place} ${describeFetchError(error, signal).message}`);
    } finally {
      deadline.clear();
    }
  }
}
