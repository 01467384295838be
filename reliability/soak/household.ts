/** Phones of one house, in a process of their own, each with the client of this project, checking what they get. */
import { answerCommands } from "../../bench/answer_commands.ts";
import { parsePayload, TOPIC } from "../../bench/fanout/payload.ts";
import { GatewayClient, GatewayError } from "../../src/client/gateway_client.ts";

/** What happened so far. */
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
  /** Requests and streams that did not, by the code of the error. */
  readonly errors: Readonly<Record<string, number>>;
  /** What must not happen, in words: wrong answers, and messages that are missing, doubled or out of order. */
  readonly faults: readonly string[];
}

/** Whom to ask, and how many listen. */
export interface HouseholdOrder {
  /** Address of the gateway. */
  readonly url: string;
  /** Key of all phones. */
  readonly key: string;
  /** How many streams are open, but for the pauses. */
  readonly listeners: number;
}

const REQUEST_MS = 500;
const STAY_MS = { least: 5000, most: 60_000 };
const PAUSE_MS = { least: 100, most: 2000 };

function createHousehold() {
  const counts = { open: 0, stays: 0, events: 0, gaps: 0, requests: 0 };
  const errors: Record<string, number> = {};
  const faults: string[] = [];
  const leaving = new AbortController();
  let everybody: Promise<unknown> = Promise.resolve();

  /** Keeps doing something until everybody leaves. Errors of the gateway are counted; anything else is a fault. */
  async function keep(step: () => Promise<void>): Promise<void> {
    while (!leaving.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (leaving.signal.aborted) return;
        if (!(error instanceof GatewayError)) faults.push(String(error));
        const code = error instanceof GatewayError ? error.code : "fault";
        errors[code] = (errors[code] ?? 0) + 1;
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
        const { sequence } = parsePayload(event.payload ?? "");
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
    const called = await client.callJeedom("cmd::byId", { id: 42, marker: number });
    counts.requests += 1;
    if (called.status !== 200 || !JSON.stringify(called.body).includes(`"marker":${number}`)) {
      faults.push(`Call got ${JSON.stringify(called)}`);
    }
    const published = await client.publish(`soak/${number % 100}`, "21.5", { qos: 1 });
    counts.requests += 1;
    if (published.status !== 200) faults.push(`Publish got ${JSON.stringify(published)}`);
  }

  /** Half of the phones speak each version. */
  function start({ url, key, listeners }: HouseholdOrder): void {
    const clients = ([1, 2] as const).map((protocol) => new GatewayClient({ url, key, protocol }));
    everybody = Promise.all(clients.flatMap((client) => [
      keep(() => ask(client)),
      ...Array.from({ length: listeners / clients.length }, () => keep(() => stay(client))),
    ]));
  }

  const look = (): HouseholdCounts => ({ ...counts, errors, faults: faults.slice(0, 20) });

  async function stop(): Promise<HouseholdCounts> {
    leaving.abort();
    await everybody;
    return look();
  }

  return { start, look, stop };
}

function between({ least, most }: { readonly least: number; readonly most: number }): number {
  return least + Math.random() * (most - least);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await answerCommands(createHousehold());
