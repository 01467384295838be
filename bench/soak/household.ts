/** People of one house who come and go, in a process of their own: each with the client of this project, checking what it gets. */
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { answerCommands } from "../answer_commands.ts";
import { parsePayload, TOPIC } from "../fanout/payload.ts";

/** What happened. */
export interface SoakCounts {
  readonly stays: number;
  readonly events: number;
  readonly publishes: number;
  readonly calls: number;
  /** What went wrong, in words. */
  readonly faults: readonly string[];
}

interface Order {
  readonly url: string;
  readonly key: string;
  readonly listeners: number;
}

const REQUEST_MS = 400;
const STAY_MS = { least: 5000, most: 20_000 };
const PAUSE_MS = { least: 100, most: 1000 };

function createHousehold() {
  const counts = { stays: 0, events: 0, publishes: 0, calls: 0 };
  const faults: string[] = [];
  let leaving = false;
  let everybody: Promise<unknown> = Promise.resolve();

  /** Keeps doing something until everybody leaves; each fault is noted. */
  async function keep(step: () => Promise<void>): Promise<void> {
    while (!leaving) {
      await step().catch((error) => {
        faults.push(String(error));
        return pause(PAUSE_MS.most);
      });
    }
  }

  async function stay(client: GatewayClient): Promise<void> {
    const until = performance.now() + between(STAY_MS);
    let expected: number | undefined;
    for await (const event of client.subscribe([TOPIC])) {
      if (event.type === "connected") continue;
      if (event.type !== "message") throw new Error(`Stream told: ${event.type}: ${event.message}`);
      const { sequence } = parsePayload(event.payload ?? "");
      if (expected !== undefined && sequence !== expected) throw new Error(`Got ${sequence}, not ${expected}`);
      expected = sequence + 1;
      counts.events += 1;
      if (leaving || performance.now() > until) break;
    }
    if (expected === undefined && !leaving) throw new Error("A whole stay without an event");
    counts.stays += 1;
    await pause(between(PAUSE_MS));
  }

  async function ask(client: GatewayClient): Promise<void> {
    const number = counts.calls;
    const published = await client.publish(`bench/soak/${number}`, "21.5", { qos: 1 });
    if (published.status !== 200) throw new Error(`Publish got ${JSON.stringify(published)}`);
    counts.publishes += 1;
    const called = await client.callJeedom("cmd::byId", { id: 42, marker: number });
    if (called.status !== 200 || !JSON.stringify(called.body).includes(`"marker":${number}`)) {
      throw new Error(`Call got ${JSON.stringify(called)}`);
    }
    counts.calls += 1;
    await pause(REQUEST_MS);
  }

  function start({ url, key, listeners }: Order): void {
    const client = new GatewayClient({ url, key });
    everybody = Promise.all([
      keep(() => ask(client)),
      ...Array.from({ length: listeners }, () => keep(() => stay(client))),
    ]);
  }

  async function stop(): Promise<SoakCounts> {
    leaving = true;
    await everybody;
    return { ...counts, faults };
  }

  return { start, stop };
}

function between({ least, most }: { readonly least: number; readonly most: number }): number {
  return least + Math.random() * (most - least);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await answerCommands(createHousehold());
