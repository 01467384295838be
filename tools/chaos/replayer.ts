/** Attacker on the network who records sealed requests and sends them again. */
import { forEachConcurrent } from "../support/concurrency.ts";

interface RecordedRequest {
  readonly url: string;
  readonly body: string;
  /** True once the gateway has accepted it. */
  wasAccepted: boolean;
}

/** Longest wait for the answer to a recorded request, in milliseconds. */
const TIMEOUT_MS = 4000;

/** Recorded requests that are sent at a time. */
const CONCURRENCY = 8;

/** Records the requests that pass through its `fetch`, and replays them. */
export class Replayer {
  readonly #recorded: RecordedRequest[] = [];

  /** Sends a request on unchanged, and records those that have an effect. */
  readonly fetch: typeof fetch = async (input, init) => {
    const url = String(input);
    const body = init?.body;
    const recorded = typeof body === "string" && !url.endsWith("/mqtt/subscribe")
      ? { url, body, wasAccepted: false }
      : undefined;
    if (recorded !== undefined) this.#recorded.push(recorded);
    const response = await fetch(input, init);
    if (recorded !== undefined) recorded.wasAccepted = response.ok;
    return response;
  };

  /** Replays those of the last requests that the gateway accepted. */
  async replayLast(count: number): Promise<void> {
    await replay(this.#recorded.slice(-count).filter(({ wasAccepted }) => wasAccepted));
  }

  /** Replays all requests, including those that never reached the gateway. */
  async replayAll(): Promise<void> {
    await replay(this.#recorded.toReversed());
  }
}

/** Ignores the answers: executions are counted at the broker and Jeedom. */
async function replay(requests: readonly RecordedRequest[]): Promise<void> {
  await forEachConcurrent(requests, CONCURRENCY, async ({ url, body }) => {
    try {
      const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(TIMEOUT_MS) });
      await response.text();
    } catch {
      // The fault is active.
    }
  });
}
