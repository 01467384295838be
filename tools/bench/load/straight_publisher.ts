/** The other ceiling: a publisher in a process of its own, straight to the broker, with so many messages on the way. */
import { connectAsync } from "mqtt";
import { answerCommands } from "../answer_commands.ts";
import { quantile } from "../../support/statistics.ts";
import { message, topic } from "./work.ts";

/** What to publish. */
interface Order {
  readonly port: number;
  readonly qos: 0 | 1;
  readonly inFlight: number;
  readonly seconds: number;
}

async function run({ port, qos, inFlight, seconds }: Order) {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  const waits: number[] = [];
  const began = performance.now();
  const end = began + seconds * 1000;
  let sent = 0;
  async function publish(): Promise<void> {
    for (let before = performance.now(); before < end;) {
      const number = sent++;
      await client.publishAsync(topic(number), message(number), { qos });
      const after = performance.now();
      waits.push(after - before);
      before = after;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, publish));
  const took = (performance.now() - began) / 1000;
  await client.endAsync();
  return { requests: waits.length, seconds: took, p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) };
}

await answerCommands({ run });
