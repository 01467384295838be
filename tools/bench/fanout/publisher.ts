/** Publishes numbered messages from a process of its own, at a pace or as fast as it can. */
import { connectAsync } from "mqtt";
import { answerCommands } from "../answer_commands.ts";
import { formatPayload, preciseNow, TOPIC } from "./payload.ts";

/** What to publish. */
export interface Publishing {
  readonly port: number;
  readonly run: number;
  readonly events: number;
  readonly qos: 0 | 1;
  /** Messages per second; 0 for as fast as possible. */
  readonly pace: number;
}

/** How many messages may be on the way to the broker at a time. */
const WINDOW = 64;

async function publish({ port, run, events, qos, pace }: Publishing): Promise<void> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  const began = performance.now();
  let next = 0;
  async function publishInTurn(): Promise<void> {
    while (next < events) {
      const sequence = next++;
      if (pace > 0) {
        const wait = began + sequence * 1000 / pace - performance.now();
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
      }
      await client.publishAsync(TOPIC, formatPayload({ run, sequence, at: preciseNow() }), { qos });
    }
  }
  await Promise.all(Array.from({ length: pace > 0 ? 1 : WINDOW }, publishInTurn));
  await client.endAsync();
}

await answerCommands({ publish });
