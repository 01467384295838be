/** Clients with subscriptions and requests, which check every answer and message. */
import { setTimeout as pause } from "node:timers/promises";
import { GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";
import type { GatewayProcess } from "../../tests/support/gateway_process.ts";
import { TOPIC } from "./sensor.ts";

/** Running clients. */
export interface SoakClients {
  /** Counts so far. */
  readonly counts: ClientCounts;
  /** Failed requests and streams, by the code of the error. */
  readonly errors: ReadonlyMap<string, number>;
  /** Wrong answers, and missing, duplicate or out-of-order messages. */
  readonly faults: readonly string[];
  /** Stops all clients. */
  stop(): Promise<void>;
}

/** Activity of the clients. */
export interface ClientCounts {
  /** Open subscriptions. */
  readonly open: number;
  /** Completed subscriptions. */
  readonly subscriptions: number;
  /** Messages received. */
  readonly events: number;
  /** Gap events. */
  readonly gaps: number;
  /** Successful requests. */
  readonly requests: number;
}

const REQUEST_MS = 500;
const SUBSCRIPTION_MS = { min: 5000, max: 60_000 };
const PAUSE_MS = { min: 100, max: 2000 };

/** Starts `listeners` clients that subscribe again and again, and two that send requests; half of each version. */
export function startSoakClients({ url, key }: GatewayProcess, listeners: number): SoakClients {
  const counts = { open: 0, subscriptions: 0, events: 0, gaps: 0, requests: 0 };
  const errors = new Map<string, number>();
  const faults: string[] = [];
  const stopping = new AbortController();

  /** Repeats a step until the clients are stopped. Counts errors of the gateway; records any other error as a fault. */
  async function repeat(step: () => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!(error instanceof GatewayError)) faults.push(String(error));
        const code = error instanceof GatewayError ? error.code : "fault";
        errors.set(code, (errors.get(code) ?? 0) + 1);
        await pause(PAUSE_MS.max);
      }
    }
  }

  async function subscribe(client: GatewayClient): Promise<void> {
    const end = AbortSignal.any([stopping.signal, AbortSignal.timeout(randomBetween(SUBSCRIPTION_MS))]);
    let last: number | undefined;
    let hasGap = false;
    counts.open += 1;
    try {
      for await (const event of client.subscribe([TOPIC], { signal: end })) {
        if (event.type === "gap") {
          hasGap = true;
          counts.gaps += 1;
        }
        if (event.type !== "message") continue;
        const sequence = Number(event.payload);
        const isExpected = last === undefined || (hasGap ? sequence > last : sequence === last + 1);
        if (!isExpected) faults.push(`Received ${sequence} after ${last}${hasGap ? " and a gap" : ""}`);
        last = sequence;
        hasGap = false;
        counts.events += 1;
      }
    } catch (error) {
      if (!end.aborted) throw error;
    } finally {
      counts.open -= 1;
    }
    counts.subscriptions += 1;
    await pause(randomBetween(PAUSE_MS));
  }

  async function request(client: GatewayClient): Promise<void> {
    await pause(REQUEST_MS);
    const number = counts.requests;
    const called = await client.callJeedom("cmd::byId", { marker: number });
    counts.requests += 1;
    if (called.status !== 200 || !JSON.stringify(called.body).includes(`"marker":"${number}"`)) {
      faults.push(`Call returned ${JSON.stringify(called)}`);
    }
    const published = await client.publish(`soak/${number % 100}`, "21.5", { qos: 1 });
    counts.requests += 1;
    if (published.status !== 200) faults.push(`Publish returned ${JSON.stringify(published)}`);
  }

  const running = ([1, 2] as const).flatMap((protocol) => {
    const client = new GatewayClient({ url, key, protocol });
    const subscriptions = Array.from({ length: listeners / 2 }, () => repeat(() => subscribe(client)));
    return [repeat(() => request(client)), ...subscriptions];
  });
  return {
    counts,
    errors,
    faults,
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

function randomBetween({ min, max }: { readonly min: number; readonly max: number }): number {
  return min + Math.random() * (max - min);
}
