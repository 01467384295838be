/** Helper process with any number of plain MQTT subscribers: the reference without a gateway. */
import { connectAsync, type MqttClient } from "mqtt";
import { forEachConcurrent, range } from "../../support/concurrency.ts";
import { answerCommands } from "../../support/helper_process.ts";
import { DeliveryCounter, type DeliveryCounts, parsePayload, preciseNow, TOPIC, untilDelivered } from "./deliveries.ts";
import { CONNECTING_LIMIT } from "./stream_connection.ts";

interface Subscriber {
  readonly client: MqttClient;
  readonly messages: { readonly payload: string; readonly at: number }[];
}

function createSubscribers() {
  const subscribers: Subscriber[] = [];

  async function subscribe(port: number): Promise<void> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
    const messages: Subscriber["messages"] = [];
    client.on("message", (_topic, payload) => messages.push({ payload: payload.toString(), at: preciseNow() }));
    await client.subscribeAsync(TOPIC, { qos: 1 });
    subscribers.push({ client, messages });
  }

  async function open({ port, count }: { readonly port: number; readonly count: number }): Promise<number> {
    const began = performance.now();
    await forEachConcurrent(range(0, count), CONNECTING_LIMIT, () => subscribe(port));
    return performance.now() - began;
  }

  function begin(): void {
    for (const { messages } of subscribers) messages.length = 0;
  }

  async function collect(run: { readonly run: number; readonly events: number }): Promise<DeliveryCounts> {
    await untilDelivered({
      isComplete: () => subscribers.every(({ messages }) => messages.length >= run.events),
      count: () => subscribers.reduce((sum, { messages }) => sum + messages.length, 0),
    });
    const counter = new DeliveryCounter(run);
    for (const { messages } of subscribers) {
      const receive = counter.addReceiver();
      for (const { payload, at } of messages) receive(parsePayload(payload), at);
    }
    return counter.counts();
  }

  async function close(): Promise<void> {
    await Promise.all(subscribers.splice(0).map(({ client }) => client.endAsync(true)));
  }

  return { open, begin, collect, close };
}

await answerCommands(createSubscribers());
