/** Helper process that publishes numbered messages, at a fixed rate or as fast as possible. */
import { connectAsync } from "mqtt";
import { answerCommands } from "../../support/helper_process.ts";
import { formatPayload, preciseNow, TOPIC } from "./deliveries.ts";

/** One run of publishing. */
export interface PublishOptions {
  readonly port: number;
  readonly run: number;
  readonly events: number;
  readonly qos: 0 | 1;
  /** Messages per second; 0 for as fast as possible. */
  readonly rate: number;
}

/** Most messages in flight to the broker. */
const WINDOW = 64;

async function publish({ port, run, events, qos, rate }: PublishOptions): Promise<void> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  const began = performance.now();
  let next = 0;
  async function publishNext(): Promise<void> {
    while (next < events) {
      const sequence = next++;
      if (rate > 0) {
        const wait = began + sequence * 1000 / rate - performance.now();
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
      }
      await client.publishAsync(TOPIC, formatPayload({ run, sequence, at: preciseNow() }), { qos });
    }
  }
  await Promise.all(Array.from({ length: rate > 0 ? 1 : WINDOW }, publishNext));
  await client.endAsync();
}

await answerCommands({ publish });
