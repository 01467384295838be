/** Phones behind the balancer: each has a stream, and sends numbered messages and commands. */
import { setTimeout as pause } from "node:timers/promises";
import { GatewayClient } from "../../../src/client/gateway_client.ts";
import { errorText } from "../../../src/lib/errors.ts";
import { until } from "../../../tests/support/deadline.ts";
import { observe } from "../../support/observer.ts";
import { commandNumber, publishNumber, sendOnce } from "../numbered_requests.ts";
import { ACKNOWLEDGED, type RequestTracker } from "../request_tracker.ts";
import { StreamRecord } from "../stream_record.ts";
import type { ReplicasEnvironment } from "./environment.ts";

/** Running phones. */
export interface Phones {
  /** Records of the streams, by the topic that they listen to. */
  readonly streams: ReadonlyMap<string, readonly StreamRecord[]>;
  /** Numbers of the messages of each topic, in the order in which the broker delivered them. */
  readonly delivered: ReadonlyMap<string, readonly string[]>;
  /** Errors that ended a stream for good; there must be none. */
  readonly errors: readonly string[];
  /** Stops sending, and waits for pending requests; streams continue. */
  stop(): Promise<void>;
  /** Publishes a last message to each topic until it is acknowledged, and waits until all streams have it. */
  flush(): Promise<void>;
}

/** Number of phones. */
export interface PhonesOptions {
  /** Number in all; in as many groups as there are keys. */
  readonly count: number;
}

/** Timeout of a phone, in milliseconds: longer than those of the gateway. */
const TIMEOUT = { timeout: 5000 };

/** Pause between two requests of a phone, in milliseconds. */
const PAUSE_MS = 2000;

/** Longest time from the last fault until all streams are whole, in milliseconds: a client waits half a minute at most. */
const WHOLE_MS = 60_000;

/** Starts the streams, then the senders; `scope` stops them. */
export async function startPhones(
  scope: AsyncDisposableStack,
  { url, keys, broker, messages, commands }: ReplicasEnvironment,
  { count }: PhonesOptions,
): Promise<Phones> {
  const topics = keys.map((_, group) => `chaos/g${group}`);
  const streams = new Map(topics.map((topic) => [topic, [] as StreamRecord[]]));
  const delivered = new Map(topics.map((topic) => [topic, [] as string[]]));
  const errors: string[] = [];
  const disconnect = new AbortController();
  let isSending = true;

  const stopObserver = await observe(broker, {
    filters: topics,
    onMessage({ topic, payload: number, isRedelivered }) {
      // Each number is published once: a redelivery of one that is known is the broker's own.
      if (isRedelivered && (messages.requests.get(number)?.executions ?? 0) > 0) return;
      messages.execute(number);
      delivered.get(topic)?.push(number);
    },
  });
  scope.defer(stopObserver);
  await broker.saveSessions();

  async function listen(client: GatewayClient, topic: string, record: StreamRecord, keep: boolean): Promise<void> {
    try {
      const events = client.subscribe([topic], { qos: 1, keep, signal: disconnect.signal });
      for await (const event of events) record.add(event, performance.now());
    } catch (error) {
      if (!disconnect.signal.aborted) errors.push(`${record.name} failed: ${errorText(error)}`);
    }
  }

  async function send(tracker: RequestTracker, name: string, request: (number: string) => Promise<string>) {
    // Spread over the pause, as people are.
    await pause(Math.random() * PAUSE_MS);
    while (isSending) {
      await sendOnce(tracker, name, request);
      await pause(PAUSE_MS);
    }
  }

  const listening: Promise<void>[] = [];
  const sending: Promise<void>[] = [];
  scope.defer(async () => {
    disconnect.abort();
    isSending = false;
    await Promise.all([...listening, ...sending]);
  });
  const phones = Array.from({ length: count }, (_, index) => {
    const group = index % keys.length;
    const protocol = index % 2 === 0 ? 2 as const : 1 as const;
    const client = new GatewayClient({ url, key: keys[group] ?? "", protocol });
    return { name: `phone ${index} of version ${protocol}`, client, topic: topics[group] ?? "", keep: index % 4 < 2 };
  });
  for (const { name, client, topic, keep } of phones) {
    const record = new StreamRecord(`${name}${keep ? " with keep" : ""}`);
    streams.get(topic)?.push(record);
    listening.push(listen(client, topic, record, keep));
  }
  await until("all streams are connected", () => {
    if (errors.length > 0) throw new Error(errors.join("\n"));
    return [...streams.values()].flat().every(({ events }) => events.has("connected"));
  }, WHOLE_MS);
  for (const { name, client, topic } of phones) {
    sending.push(send(messages, name, (number) => publishNumber(client, topic, number, TIMEOUT)));
    sending.push(send(commands, name, (number) => commandNumber(client, number, TIMEOUT)));
  }

  async function flushTopic(topic: string): Promise<void> {
    const phone = phones.find((one) => one.topic === topic);
    if (phone === undefined) return;
    let number = "";
    await until(`a last message to ${topic} is acknowledged`, async () => {
      const outcome = await sendOnce(messages, "last", (last) => {
        number = last;
        return publishNumber(phone.client, topic, last, TIMEOUT);
      });
      return outcome === ACKNOWLEDGED;
    }, WHOLE_MS);
    await until(`the broker has delivered the last message to ${topic}`, () => {
      return delivered.get(topic)?.includes(number) === true;
    });
    const records = streams.get(topic) ?? [];
    const missing = () => records.filter((record) => record.receivedAt(number) === undefined);
    await until(`all streams of ${topic} have the last message`, () => missing().length === 0, WHOLE_MS).catch(() => {
      throw new Error(`No last message of ${topic} at ${missing().map(({ name }) => name).join(", ")}`);
    });
  }

  return {
    streams,
    delivered,
    errors,
    async stop() {
      isSending = false;
      await Promise.all(sending);
    },
    async flush() {
      await Promise.all(topics.map(flushTopic));
    },
  };
}
