import {
  type BrokerConnection,
  BrokerError,
  type BrokerMessage,
  type ConnectBroker,
  type FilterRequest,
  type QoS,
  type ReceiveMessage,
} from "../../src/mqtt/broker.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { Hub, type HubConfig } from "../../src/mqtt/hub/hub.ts";
import type { Subscriber } from "../../src/mqtt/hub/subscriber.ts";
import { MemoryHistory } from "../../src/mqtt/hub/memory_history.ts";
import { ConnectionSource } from "../../src/mqtt/hub/source.ts";
import type { ReceivedMessage } from "../../src/mqtt/hub/received_message.ts";
import { SharedConnection } from "../../src/mqtt/shared_connection.ts";
import { TopicFilterSet } from "../../src/mqtt/topics/filter_set.ts";
import type { Position } from "../../src/protocol/event.ts";
import { FakeTime } from "./fake_time.ts";
import { settle } from "./settle.ts";

/** Deliveries of a message that matches several subscriptions of one connection. */
export type DeliveryMode = "a copy for each subscription" | "one copy with all ids" | "one copy without ids";

/** MQTT 5 with Mosquitto, MQTT 5 with other brokers, and MQTT 3.1.1. */
export const DELIVERY_MODES: readonly DeliveryMode[] = [
  "a copy for each subscription",
  "one copy with all ids",
  "one copy without ids",
];

const UNREACHABLE = new BrokerError("Broker unreachable");
const CLOSED = new BrokerError("Connection reset");

const utf8 = new TextEncoder();

/** Connection with commands in flight to the broker and packets in flight from it, each in order. */
interface Connection {
  readonly subscriptions: Map<string, { readonly id: number; readonly qos: QoS }>;
  readonly commands: (() => void)[];
  readonly packets: (() => void)[];
  readonly closed: PromiseWithResolvers<BrokerError>;
  readonly onMessage: ReceiveMessage;
}

/** Broker that keeps the guarantees of MQTT, and whose other behaviour a test chooses. */
export class FakeBroker {
  /** SUBSCRIBE requests so far. */
  readonly subscribed: (readonly FilterRequest[])[] = [];
  /** UNSUBSCRIBE requests so far. */
  readonly unsubscribed: (readonly string[])[] = [];
  /** Times of connection attempts, in milliseconds. */
  readonly attempts: number[] = [];
  /** Filters that are refused. */
  readonly refused = new Set<string>();
  /** Retained payloads by topic. */
  readonly retained = new Map<string, string>();
  /** Deliveries of a message that matches several subscriptions. */
  deliveryMode: DeliveryMode = "a copy for each subscription";
  /** True if connection attempts succeed. */
  isReachable = true;
  /** Error of attempts that do not succeed. */
  failure: BrokerError = UNREACHABLE;
  /** True if it closes the connection on each SUBSCRIBE. */
  closesOnSubscribe = false;
  /** True if commands arrive at once, or with {@linkcode read}. */
  readsAtOnce = true;
  /** True if its packets arrive at once, or with {@linkcode send}. */
  sendsAtOnce = true;
  /** True if it sends retained messages before SUBACK. */
  sendsRetainedFirst = false;
  /** True if a SUBACK overtakes all packets in flight. */
  sendsGrantsFirst = false;
  #current: Connection | undefined;

  readonly connect: ConnectBroker = (_address, { signal, onMessage = () => undefined }) => {
    this.attempts.push(Date.now());
    const { promise, resolve, reject } = Promise.withResolvers<BrokerConnection>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (!this.isReachable) {
      reject(this.failure);
      return promise;
    }
    const closed = Promise.withResolvers<BrokerError>();
    const connection: Connection = { subscriptions: new Map(), commands: [], packets: [], closed, onMessage };
    this.#current = connection;
    closed.promise.then(reject);
    this.#command(connection, () => connection.packets.push(() => resolve(this.#open(connection))));
    return promise;
  };

  /** Publishes a message of another client. */
  publish(topic: string, payload: string, { retain = false, qos = 0 }: { retain?: boolean; qos?: QoS } = {}): void {
    if (retain && payload === "") this.retained.delete(topic);
    else if (retain) this.retained.set(topic, payload);
    const connection = this.#current;
    if (connection === undefined) return;
    const matching = [...connection.subscriptions].filter(([filter]) => matches(filter, topic)).map(([, each]) => each);
    const copies = this.deliveryMode === "a copy for each subscription" ? matching.map((each) => [each]) : [matching];
    for (const copy of copies.filter(({ length }) => length > 0)) {
      const granted = copy.some((each) => each.qos >= qos) ? qos : 0;
      this.#deliver(connection, { topic, payload, retain: false, qos: granted, ids: copy.map(({ id }) => id) });
    }
    this.#transfer();
  }

  /** Makes a number of commands arrive; without a number, all of them from now on. */
  read(count?: number): void {
    if (count === undefined) this.readsAtOnce = true;
    else for (const command of this.#current?.commands.splice(0, count) ?? []) command();
    this.#transfer();
  }

  /** Makes a number of packets arrive at once; without a number, all of them from now on. */
  send(count?: number): void {
    if (count === undefined) this.sendsAtOnce = true;
    else for (const packet of this.#current?.packets.splice(0, count) ?? []) packet();
    this.#transfer();
  }

  /** Closes the connection. Everything in flight is lost. */
  closeConnection(reason = CLOSED): void {
    const connection = this.#current;
    this.#current = undefined;
    connection?.closed.resolve(reason);
  }

  #open(connection: Connection): BrokerConnection {
    return {
      closed: connection.closed.promise,
      silentMs: Infinity,
      publish: () => ({ acknowledged: Promise.resolve(), cancel() {} }),
      subscribe: async (requests) => {
        this.subscribed.push(requests);
        if (this.closesOnSubscribe) this.closeConnection();
        // MQTT 5 has room for one id in a packet.
        const packets = this.deliveryMode === "one copy without ids"
          ? [requests]
          : requests.map((request) => [request]);
        const refused = await Promise.all(packets.map((packet) => this.#subscribe(connection, packet)));
        return refused.flat();
      },
      unsubscribe: async (filters) => {
        this.unsubscribed.push(filters);
        await this.#request<void>(connection, (respond) => {
          for (const filter of filters) connection.subscriptions.delete(filter);
          connection.packets.push(respond);
        });
      },
      close: (reason = new BrokerError("Connection closed")) => {
        if (this.#current === connection) this.closeConnection(reason);
        else connection.closed.resolve(reason);
        return Promise.resolve();
      },
    };
  }

  #subscribe(connection: Connection, requests: readonly FilterRequest[]): Promise<string[]> {
    return this.#request(connection, (respond) => {
      const refused = requests.map(({ filter }) => filter).filter((filter) => this.refused.has(filter));
      const grant = () => respond(refused);
      if (this.sendsGrantsFirst) connection.packets.unshift(grant);
      else if (!this.sendsRetainedFirst) connection.packets.push(grant);
      for (const { filter, id, qos, retained } of requests) {
        if (refused.includes(filter)) continue;
        connection.subscriptions.set(filter, { id, qos });
        if (retained === "never") continue;
        for (const [topic, payload] of this.retained) {
          if (matches(filter, topic)) this.#deliver(connection, { topic, payload, retain: true, qos, ids: [id] });
        }
      }
      if (this.sendsRetainedFirst && !this.sendsGrantsFirst) connection.packets.push(grant);
    });
  }

  /** Sends a command and waits for its response. */
  #request<T>(connection: Connection, command: (respond: (result: T) => void) => void): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#command(connection, () => command(resolve));
    return Promise.race([promise, connection.closed.promise.then((reason) => Promise.reject(reason))]);
  }

  #deliver(connection: Connection, { topic, payload, retain, qos, ids }: {
    readonly topic: string;
    readonly payload: string;
    readonly retain: boolean;
    readonly qos: QoS;
    readonly ids: readonly number[];
  }): void {
    const subscriptions = this.deliveryMode === "one copy without ids" ? undefined : ids;
    const message: BrokerMessage = { topic, payload: utf8.encode(payload), qos, retain, subscriptions };
    connection.packets.push(() => void connection.onMessage(message));
  }

  #command(connection: Connection, run: () => void): void {
    connection.commands.push(run);
    this.#transfer();
  }

  #transfer(): void {
    const connection = this.#current;
    while (this.readsAtOnce && connection !== undefined && connection.commands.length > 0) {
      connection.commands.shift()?.();
    }
    while (this.sendsAtOnce && connection !== undefined && connection.packets.length > 0) {
      connection.packets.shift()?.();
    }
  }
}

function matches(filter: string, topic: string): boolean {
  return new TopicFilterSet([filter]).matches(topic);
}

/** Options of a subscriber in a test. */
export type SubscriberOptions = Partial<Pick<Subscriber, "owner" | "qos" | "keep" | "since">>;

/** Subscriber that records its events. */
export class RecordingSubscriber implements Subscriber {
  /** Events as text. */
  readonly events: string[] = [];
  /** Messages among the events. */
  readonly messages: ReceivedMessage[] = [];
  /** Positions of `connected`, gaps and messages. */
  readonly positions: Position[] = [];
  /** Flag `isBacklog` of each message. */
  readonly backlog: boolean[] = [];
  readonly owner: string;
  readonly filters: readonly string[];
  readonly qos: QoS;
  readonly keep: boolean;
  readonly since: Position | undefined;
  /** Removes it from the hub. */
  unsubscribe: () => void = () => {};
  /** Called after each event. */
  onEvent: (event: string) => void = () => {};

  constructor(filters: readonly string[], { owner = "phone", qos = 0, keep = false, since }: SubscriberOptions = {}) {
    this.owner = owner;
    this.filters = filters;
    this.qos = qos;
    this.keep = keep;
    this.since = since;
  }

  /** Position to resume from. */
  get position(): Position | undefined {
    return this.positions.at(-1);
  }

  connected(position: Position | undefined): void {
    if (position !== undefined) this.positions.push(position);
    this.#record("connected");
  }

  gap(position: Position): void {
    this.positions.push(position);
    this.#record("gap");
  }

  message(message: ReceivedMessage, isBacklog: boolean): void {
    this.messages.push(message);
    this.positions.push(message.position);
    this.backlog.push(isBacklog);
    this.#record(`${message.topic}: ${message.payload}${message.retain ? " (retained)" : ""}`);
  }

  offline(reason: BrokerError): void {
    this.#record(`offline: ${reason.message}`);
  }

  online(): void {
    this.#record("online");
  }

  ended(reason: BrokerError): void {
    this.#record(`ended: ${reason.message}`);
  }

  #record(event: string): void {
    this.events.push(event);
    this.onEvent(event);
  }
}

/** Configuration of an environment. */
export interface EnvironmentOptions {
  /** Most bytes of the history. */
  readonly maxBytes?: number;
  /** Longest time to begin streams without a pause, in milliseconds; 0 for a pause before each. */
  readonly turnMs?: number | undefined;
  readonly backpressure?: HubConfig["backpressure"];
}

/** Hub with its broker and the clock of both. */
export class HubEnvironment implements AsyncDisposable {
  /** Time for which idle subscriptions are kept, in milliseconds. */
  static readonly RESUME_MS = 10_000;
  readonly broker = new FakeBroker();
  readonly history: MemoryHistory;
  readonly hub: Hub;
  readonly connection: SharedConnection;
  readonly #time = new FakeTime();

  constructor({ maxBytes = 1_000_000, turnMs = 5, backpressure = () => undefined }: EnvironmentOptions = {}) {
    this.history = new MemoryHistory({ epoch: "this", limits: { resumeBytes: maxBytes } });
    const clock = { ...SYSTEM_CLOCK, monotonic: SYSTEM_CLOCK.now };
    this.connection = new SharedConnection({ host: "broker", port: 1883 }, {
      connect: this.broker.connect,
      timeoutMs: 10_000,
      onMessage: (message) => this.hub.receive(message),
      onClosed: (reason) => this.hub.connectionClosed(reason),
      clock,
    });
    this.hub = new Hub({
      source: new ConnectionSource(this.connection),
      config: {
        history: this.history,
        limits: { resumeSeconds: HubEnvironment.RESUME_MS / 1000, turnMs },
        backpressure,
        random: () => 0,
        onFault: (error) => {
          throw error;
        },
      },
      clock,
    });
  }

  /** Adds a subscriber, which may be pending. */
  add(filters: string | readonly string[], options?: SubscriberOptions): RecordingSubscriber {
    const subscriber = new RecordingSubscriber(typeof filters === "string" ? [filters] : filters, options);
    subscriber.unsubscribe = this.hub.subscribe(subscriber);
    return subscriber;
  }

  /** Adds a subscriber and waits until the broker has granted its filters. */
  async subscribe(filters: string | readonly string[], options?: SubscriberOptions): Promise<RecordingSubscriber> {
    const subscriber = this.add(filters, options);
    await this.passBatchTime();
    return subscriber;
  }

  /** Advances the time by which the hub collects subscribers for a request. */
  passBatchTime(): Promise<void> {
    return this.advance(5);
  }

  /** Advances the time step by step, in milliseconds. */
  async advance(ms: number, step = 50): Promise<void> {
    await settle();
    for (let left = ms; left > 0; left -= step) {
      this.#time.pass(Math.min(left, step));
      this.hub.sweep();
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hub.close(new BrokerError("End of the test"));
    await this.connection.close();
    await settle();
    this.#time[Symbol.dispose]();
  }
}
