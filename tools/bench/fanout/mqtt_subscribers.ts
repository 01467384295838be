/** Any number of plain MQTT subscribers in a process of their own: what a broker can do without a gateway. */
import { connectAsync, type MqttClient } from "mqtt";
import { answerCommands } from "../answer_commands.ts";
import { inTurns } from "../../support/concurrency.ts";
import { type Balance, Ledger } from "./deliveries.ts";
import { parsePayload, preciseNow, TOPIC } from "./payload.ts";
import { untilQuiet } from "./until_quiet.ts";

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
    await inTurns(count, () => subscribe(port));
    return performance.now() - began;
  }

  function begin(): void {
    for (const { messages } of subscribers) messages.length = 0;
  }

  async function collect(publishing: { readonly run: number; readonly events: number }): Promise<Balance> {
    await untilQuiet({
      complete: () => subscribers.every(({ messages }) => messages.length >= publishing.events),
      count: () => subscribers.reduce((sum, { messages }) => sum + messages.length, 0),
    });
    const ledger = new Ledger(publishing);
    for (const { messages } of subscribers) {
      const receive = ledger.addListener();
      for (const { payload, at } of messages) receive(parsePayload(payload), at);
    }
    return ledger.balance();
  }

  async function close(): Promise<void> {
    await Promise.all(subscribers.splice(0).map(({ client }) => client.endAsync(true)));
  }

  return { open, begin, collect, close };
}

await answerCommands(createSubscribers());
