/** Phones of one house, each with the client of this project, checking what they get. */
import { setTimeout as pause } from "node:timers/promises";
import { GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";
import type { GatewayProcess } from "../../tests/support/gateway_process.ts";
import { TOPIC } from "./sensor.ts";

/** Phones that are at it until they are told to stop. */
export interface Household {
  /** What happened so far. */
  readonly counts: HouseholdCounts;
  /** Requests and streams that failed, by the code of the error. */
  readonly errors: ReadonlyMap<string, number>;
  /** What must not happen, in words: wrong answers, and messages that are missing, doubled or out of order. */
  readonly faults: readonly string[];
  /** Has everybody leave. */
  stop(): Promise<void>;
}

/** What happened in a house. */
export interface HouseholdCounts {
  /** Streams that are open now. */
  readonly open: number;
  /** Stays that came to their end. */
  readonly stays: number;
  /** Messages that came. */
  readonly events: number;
  /** Times that a stream told that messages may be missing. */
  readonly gaps: number;
  /** Requests that worked. */
  readonly requests: number;
}

const REQUEST_MS = 500;
const STAY_MS = { least: 5000, most: 60_000 };
const PAUSE_MS = { least: 100, most: 2000 };

/** Has so many listen, but for the pauses, and others ask; half of them speak each version. */
export function startHousehold({ url, key }: GatewayProcess, listeners: number): Household {
  const counts = { open: 0, stays: 0, events: 0, gaps: 0, requests: 0 };
  const errors = new Map<string, number>();
  const faults: string[] = [];
  const leaving = new AbortController();

  /** Keeps doing something until everybody leaves. Errors of the gateway are counted; anything else is a fault. */
  async function keep(step: () => Promise<void>): Promise<void> {
    while (!leaving.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (leaving.signal.aborted) return;
        if (!(error instanceof GatewayError)) faults.push(String(error));
        const code = error instanceof GatewayError ? error.code : "fault";
        errors.set(code, (errors.get(code) ?? 0) + 1);
        await pause(PAUSE_MS.most);
      }
    }
  }

  async function stay(client: GatewayClient): Promise<void> {
    const over = AbortSignal.any([leaving.signal, AbortSignal.timeout(between(STAY_MS))]);
    let last: number | undefined;
    let isWhole = true;
    counts.open += 1;
    try {
      for await (const event of client.subscribe([TOPIC], { signal: over })) {
        if (event.type === "gap") {
          isWhole = false;
          counts.gaps += 1;
        }
        if (event.type !== "message") continue;
        const sequence = Number(event.payload);
        const isRight = last === undefined || (isWhole ? sequence === last + 1 : sequence > last);
        if (!isRight) faults.push(`Got ${sequence} after ${last}${isWhole ? "" : " and a gap"}`);
        last = sequence;
        isWhole = true;
        counts.events += 1;
      }
    } catch (error) {
      if (!over.aborted) throw error;
    } finally {
      counts.open -= 1;
    }
    counts.stays += 1;
    await pause(between(PAUSE_MS));
  }

  async function ask(client: GatewayClient): Promise<void> {
    await pause(REQUEST_MS);
    const number = counts.requests;
    const called = await client.callJeedom("cmd::byId", { marker: number });
    counts.requests += 1;
    if (called.status !== 200 || !JSON.stringify(called.body).includes(`"marker":"${number}"`)) {
      faults.push(`Call got ${JSON.stringify(called)}`);
    }
    const published = await client.publish(`soak/${number % 100}`, "21.5", { qos: 1 });
    counts.requests += 1;
    if (published.status !== 200) faults.push(`Publish got ${JSON.stringify(published)}`);
  }

  const everybody = ([1, 2] as const).flatMap((protocol) => {
    const client = new GatewayClient({ url, key, protocol });
    const stays = Array.from({ length: listeners / 2 }, () => keep(() => stay(client)));
    return [keep(() => ask(client)), ...stays];
  });
  return {
    counts,
    errors,
    faults,
    async stop() {
      leaving.abort();
      await Promise.all(everybody);
    },
  };
}

function between({ least, most }: { readonly least: number; readonly most: number }): number {
  return least + Math.random() * (most - least);
}
