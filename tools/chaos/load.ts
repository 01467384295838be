/** Load of a fault: clients that send numbered requests, listeners, and an attacker who replays requests. */
import { errorText } from "../../src/lib/errors.ts";
import { setTimeout as pause } from "node:timers/promises";
import { GatewayClient, type Version } from "../../src/client/gateway_client.ts";
import { until } from "../../tests/support/deadline.ts";
import { observe } from "../support/observer.ts";
import { OBSERVER_CREDENTIALS } from "./chaos_broker.ts";
import type { ChaosEnvironment } from "./environment.ts";
import { commandNumber, publishNumber, sendOnce } from "./numbered_requests.ts";
import { Replayer } from "./replayer.ts";
import { ACKNOWLEDGED, type RequestTracker } from "./request_tracker.ts";
import { StreamRecord } from "./stream_record.ts";

/** Running load. */
export interface Load {
  /** Record of each listener. */
  readonly listeners: readonly StreamRecord[];
  /** Numbers of messages in the order in which the broker delivered them. */
  readonly delivered: readonly string[];
  /** Names of the senders, each with one request of each kind at a time. */
  readonly senders: readonly string[];
  /** Attacker that records all requests. */
  readonly replayer: Replayer;
  /** Errors that ended a listener; there must be none. */
  readonly listenerErrors: readonly string[];
  /** Stops sending and waits for pending requests. Listeners continue. */
  stop(): Promise<void>;
  /** Publishes a last message until it is acknowledged, and waits until all listeners have received it. */
  flush(): Promise<void>;
}

/** Amount of load. */
export interface LoadOptions {
  /** Concurrent requests of each client, of each kind. */
  readonly each: number;
}

const TOPIC = "chaos/n";

/** Timeout of a client, in milliseconds: longer than those of the gateway. */
const TIMEOUT = { timeout: 4000 };

/** Pause of a sender after a success and after a failure, in milliseconds. */
const PAUSE_MS = { success: 15, failure: 60 };

/** Starts the listeners, then the senders; `scope` stops them. */
export async function startLoad(
  scope: AsyncDisposableStack,
  environment: ChaosEnvironment,
  { each }: LoadOptions,
): Promise<Load> {
  const { broker, env, gateway: { url, key }, messages, commands } = environment;
  const delivered: string[] = [];
  const replayer = new Replayer();
  const listenerErrors: string[] = [];
  const disconnect = new AbortController();
  let isSending = true;

  const stopObserver = await observe(broker, {
    filters: [TOPIC],
    login: env["MQTT_USERNAME"] === undefined ? undefined : OBSERVER_CREDENTIALS,
    onMessage({ payload: number }) {
      messages.execute(number);
      delivered.push(number);
    },
  });
  scope.defer(stopObserver);
  await broker.saveSessions();

  const client = (protocol: Version) =>
    new GatewayClient({ url, key, protocol, random: () => 0, fetch: replayer.fetch });

  async function listen(record: StreamRecord, protocol: Version, keep: boolean): Promise<void> {
    try {
      const events = client(protocol).subscribe([TOPIC], { qos: 1, keep, signal: disconnect.signal });
      for await (const event of events) record.add(event, performance.now());
    } catch (error) {
      if (!disconnect.signal.aborted) listenerErrors.push(`${record.name} failed: ${errorText(error)}`);
    }
  }

  async function send(
    tracker: RequestTracker,
    sender: string,
    request: (number: string) => Promise<string>,
  ): Promise<void> {
    while (isSending) {
      const outcome = await sendOnce(tracker, sender, request);
      await pause(outcome === ACKNOWLEDGED ? PAUSE_MS.success : PAUSE_MS.failure);
    }
  }

  // Directly after its start, the gateway refuses requests that it could have forgotten, or without its store.
  await until("the gateway accepts requests", () => client(2).callJeedom("ping").then(() => true, () => false));
  const listeners: StreamRecord[] = [];
  const listening: Promise<void>[] = [];
  const senders: string[] = [];
  const sending: Promise<void>[] = [];
  for (const protocol of [1, 2] as const) {
    for (const keep of [false, true]) {
      const record = new StreamRecord(`listener of version ${protocol}${keep ? " with keep" : ""}`);
      listeners.push(record);
      listening.push(listen(record, protocol, keep));
    }
  }
  scope.defer(async () => {
    disconnect.abort();
    isSending = false;
    await Promise.all([...listening, ...sending]);
  });
  await until("all listeners are connected", () => {
    if (listenerErrors.length > 0) throw new Error(listenerErrors.join("\n"));
    return listeners.every(({ events }) => events.has("connected"));
  });
  for (const protocol of [1, 2] as const) {
    const requester = client(protocol);
    for (let index = 0; index < each; index++) {
      const sender = `client of version ${protocol}, ${index}`;
      senders.push(sender);
      sending.push(send(messages, sender, (number) => publishNumber(requester, TOPIC, number, TIMEOUT)));
      sending.push(send(commands, sender, (number) => commandNumber(requester, number, TIMEOUT)));
    }
  }

  return {
    listeners,
    delivered,
    senders,
    replayer,
    listenerErrors,
    async stop() {
      isSending = false;
      await Promise.all(sending);
    },
    async flush() {
      let number = "";
      const publisher = client(2);
      await until("a last message is acknowledged", async () => {
        number = String(messages.requests.size + 1);
        return await sendOnce(messages, "last", (last) => publishNumber(publisher, TOPIC, last, TIMEOUT)) ===
          ACKNOWLEDGED;
      });
      await until("the broker has delivered the last message", () => delivered.includes(number));
      await until(
        "all listeners have the last message",
        () => listeners.every((record) => record.receivedAt(number) !== undefined),
        40_000,
      );
    },
  };
}
