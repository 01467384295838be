/** Helper process that publishes straight to the broker: the upper bound for publishing. */
import { connectAsync } from "mqtt";
import { answerCommands } from "../../support/helper_process.ts";
import { quantile } from "../../support/statistics.ts";
import { message, topic } from "./work.ts";

/** One run of publishing. */
interface PublishOptions {
  readonly port: number;
  readonly qos: 0 | 1;
  readonly inFlight: number;
  readonly seconds: number;
}

async function run({ port, qos, inFlight, seconds }: PublishOptions) {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  const latencies: number[] = [];
  const began = performance.now();
  const end = began + seconds * 1000;
  let sent = 0;
  async function publish(): Promise<void> {
    for (let before = performance.now(); before < end;) {
      const number = sent++;
      await client.publishAsync(topic(number), message(number), { qos });
      const after = performance.now();
      latencies.push(after - before);
      before = after;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, publish));
  const took = (performance.now() - began) / 1000;
  await client.endAsync();
  return { requests: latencies.length, seconds: took, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

await answerCommands({ run });
