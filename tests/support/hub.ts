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
import type { ReceivedMessage } from "../../src/mqtt/hub/received_message.ts";
import { SharedConnection } from "../../src/mqtt/shared_connection.ts";
import { TopicFilterSet } from "../../src/mqtt/topics/filter_set.ts";
import type { Position } from "../../src/protocol/event.ts";
import { FakeTime } from "./fake_time.ts";
import { settle } from "./settle.ts";

/** How a broker delivers a message that matches several subscriptions of one connection. */
export type DeliveryMode = "a copy for each subscription" | "one copy with all ids" | "one copy without ids";

/** MQTT 5 as Mosquitto does it, MQTT 5 as others do it, and MQTT 3.1.1. */
export const DELIVERY_MODES: readonly DeliveryMode[] = [
  "a copy for each subscription",
  "one copy with all ids",
  "one copy without ids",
];

const UNREACHABLE = new BrokerError("Broker unreachable");
const CLOSED = new BrokerError("Connection reset");

const utf8 = new TextEncoder();

/** One connection: what is on its way to the broker, and what on its way back. Neither overtakes its like. */
interface Connection {
  readonly subscriptions: Map<string, { readonly id: number; readonly qos: QoS }>;
  readonly commands: (() => void)[];
  readonly packets: (() => void)[];
  readonly closed: PromiseWithResolvers<BrokerError>;
  readonly onMessage: ReceiveMessage;
}

/** A broker as strict as a real one in what it promises, and as free in the rest. */
export class FakeBroker {
  /** The SUBSCRIBE requests so far. */
  readonly subscribed: (readonly FilterRequest[])[] = [];
  /** The UNSUBSCRIBE requests so far. */
  readonly unsubscribed: (readonly string[])[] = [];
  /** When somebody tried to connect, in milliseconds. */
  readonly attempts: number[] = [];
  /** Filters that are refused. */
  readonly refused = new Set<string>();
  /** What is retained: payloads by topic. */
  readonly retained = new Map<string, string>();
  /** How it delivers. */
  deliveryMode: DeliveryMode = "a copy for each subscription";
  /** Whether it can be reached. */
  isReachable = true;
  /** Whether it hangs up on whoever subscribes. */
  closesOnSubscribe = false;
  /** Whether what is sent to it arrives at once, or with {@linkcode read}. */
  readsAtOnce = true;
  /** Whether what it sends arrives at once, or with {@linkcode send}. */
  sendsAtOnce = true;
  /** Whether retained messages come ahead of SUBACK. */
  sendsRetainedFirst = false;
  /** Whether a SUBACK arrives ahead of everything that is on its way. */
  sendsGrantsFirst = false;
  #line: Connection | undefined;

  readonly connect: ConnectBroker = (_address, { signal, onMessage = () => undefined }) => {
    this.attempts.push(Date.now());
    const { promise, resolve, reject } = Promise.withResolvers<BrokerConnection>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (!this.isReachable) {
      reject(UNREACHABLE);
      return promise;
    }
    const lost = Promise.withResolvers<BrokerError>();
    const connection: Connection = { subscriptions: new Map(), commands: [], packets: [], closed: lost, onMessage };
    this.#line = connection;
    lost.promise.then(reject);
    this.#command(connection, () => connection.packets.push(() => resolve(this.#connection(connection))));
    return promise;
  };

  /** Publishes a message of some other client. */
  publish(topic: string, payload: string, { retain = false, qos = 0 }: { retain?: boolean; qos?: QoS } = {}): void {
    if (retain && payload === "") this.retained.delete(topic);
    else if (retain) this.retained.set(topic, payload);
    const connection = this.#line;
    if (connection === undefined) return;
    const matching = [...connection.subscriptions].filter(([filter]) => matches(filter, topic)).map(([, each]) => each);
    const copies = this.deliveryMode === "a copy for each subscription" ? matching.map((each) => [each]) : [matching];
    for (const copy of copies.filter(({ length }) => length > 0)) {
      const granted = copy.some((each) => each.qos >= qos) ? qos : 0;
      this.#deliver(connection, { topic, payload, retain: false, qos: granted, ids: copy.map(({ id }) => id) });
    }
    this.#work();
  }

  /** Lets so many of the requests that are on their way arrive, and all of them from now on if no number is given. */
  read(count?: number): void {
    if (count === undefined) this.readsAtOnce = true;
    else for (const command of this.#line?.commands.splice(0, count) ?? []) command();
    this.#work();
  }

  /** Lets so many of the packets that are on their way arrive in one piece, or all from now on. */
  send(count?: number): void {
    if (count === undefined) this.sendsAtOnce = true;
    else for (const packet of this.#line?.packets.splice(0, count) ?? []) packet();
    this.#work();
  }

  /** Breaks the connection. What was on its way is lost. */
  closeConnection(reason = CLOSED): void {
    const connection = this.#line;
    this.#line = undefined;
    connection?.closed.resolve(reason);
  }

  #connection(connection: Connection): BrokerConnection {
    return {
      closed: connection.closed.promise,
      packetsReceived: 0,
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
        await this.#ask<void>(connection, (answer) => {
          for (const filter of filters) connection.subscriptions.delete(filter);
          connection.packets.push(answer);
        });
      },
      close: (reason = new BrokerError("Connection closed")) => {
        if (this.#line === connection) this.closeConnection(reason);
        else connection.closed.resolve(reason);
        return Promise.resolve();
      },
    };
  }

  #subscribe(connection: Connection, requests: readonly FilterRequest[]): Promise<string[]> {
    return this.#ask(connection, (answer) => {
      const refused = requests.map(({ filter }) => filter).filter((filter) => this.refused.has(filter));
      const grant = () => answer(refused);
      if (this.sendsGrantsFirst) connection.packets.unshift(grant);
      else if (!this.sendsRetainedFirst) connection.packets.push(grant);
      for (const { filter, id, qos } of requests) {
        if (refused.includes(filter)) continue;
        connection.subscriptions.set(filter, { id, qos });
        for (const [topic, payload] of this.retained) {
          if (matches(filter, topic)) this.#deliver(connection, { topic, payload, retain: true, qos, ids: [id] });
        }
      }
      if (this.sendsRetainedFirst && !this.sendsGrantsFirst) connection.packets.push(grant);
    });
  }

  /** Sends a request, and waits for its answer. */
  #ask<T>(connection: Connection, request: (answer: (result: T) => void) => void): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#command(connection, () => request(resolve));
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
    this.#work();
  }

  #work(): void {
    const connection = this.#line;
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

/** What a listener asks for, as far as it matters. */
export type SubscriberOptions = Partial<Pick<Subscriber, "owner" | "qos" | "keep" | "since">>;

/** A listener that writes down what it hears. */
export class RecordingSubscriber implements Subscriber {
  /** What it heard, in words. */
  readonly events: string[] = [];
  /** The messages among it. */
  readonly messages: ReceivedMessage[] = [];
  /** Positions of `connected`, of gaps and of the messages. */
  readonly positions: Position[] = [];
  /** Whether each message was told to be of a backlog. */
  readonly backlog: boolean[] = [];
  readonly owner: string;
  readonly filters: readonly string[];
  readonly qos: QoS;
  readonly keep: boolean;
  readonly since: Position | undefined;
  /** Leaves the hub. */
  unsubscribe: () => void = () => {};
  /** Called after each thing that it heard. */
  onEvent: (what: string) => void = () => {};

  constructor(filters: readonly string[], { owner = "phone", qos = 0, keep = false, since }: SubscriberOptions = {}) {
    this.owner = owner;
    this.filters = filters;
    this.qos = qos;
    this.keep = keep;
    this.since = since;
  }

  /** The position to come back with. */
  get position(): Position | undefined {
    return this.positions.at(-1);
  }

  connected(position: Position | undefined): void {
    if (position !== undefined) this.positions.push(position);
    this.#note("connected");
  }

  gap(position: Position): void {
    this.positions.push(position);
    this.#note("gap");
  }

  message(message: ReceivedMessage, isBacklog: boolean): void {
    this.messages.push(message);
    this.positions.push(message.position);
    this.backlog.push(isBacklog);
    this.#note(`${message.topic}: ${message.payload}${message.retain ? " (retained)" : ""}`);
  }

  offline(reason: BrokerError): void {
    this.#note(`offline: ${reason.message}`);
  }

  online(): void {
    this.#note("online");
  }

  ended(reason: BrokerError): void {
    this.#note(`ended: ${reason.message}`);
  }

  #note(what: string): void {
    this.events.push(what);
    this.onEvent(what);
  }
}

/** Configuration of an environment. */
export interface EnvironmentOptions {
  /** Most bytes of the history. */
  readonly maxBytes?: number;
  readonly backpressure?: HubConfig["backpressure"];
}

/** A hub, its broker, and the clock of both. */
export class HubEnvironment implements AsyncDisposable {
  /** How long subscriptions outlive their listeners, in milliseconds. */
  static readonly RESUME_MS = 10_000;
  readonly broker = new FakeBroker();
  readonly history: MemoryHistory;
  readonly hub: Hub;
  readonly connection: SharedConnection;
  readonly #time = new FakeTime();

  constructor({ maxBytes = 1_000_000, backpressure = () => undefined }: EnvironmentOptions = {}) {
    this.history = new MemoryHistory({ epoch: "this", maxBytes });
    const clock = { ...SYSTEM_CLOCK, monotonic: SYSTEM_CLOCK.now };
    this.connection = new SharedConnection({ host: "house", port: 1883 }, {
      connect: this.broker.connect,
      timeoutMs: 10_000,
      onMessage: (message) => this.hub.receive(message),
      onClosed: (reason) => this.hub.connectionClosed(reason),
      clock,
    });
    this.hub = new Hub({
      connection: this.connection,
      config: {
        history: this.history,
        limits: { resumeSeconds: HubEnvironment.RESUME_MS / 1000 },
        backpressure,
        random: () => 0,
        onFault: (error) => {
          throw error;
        },
      },
      clock,
    });
  }

  /** Adds a listener, which need not be heard yet. */
  add(filters: string | readonly string[], options?: SubscriberOptions): RecordingSubscriber {
    const subscriber = new RecordingSubscriber(typeof filters === "string" ? [filters] : filters, options);
    subscriber.unsubscribe = this.hub.subscribe(subscriber);
    return subscriber;
  }

  /** Adds a listener and waits until the broker has granted what it asked for. */
  async subscribe(filters: string | readonly string[], options?: SubscriberOptions): Promise<RecordingSubscriber> {
    const subscriber = this.add(filters, options);
    await this.passBatchTime();
    return subscriber;
  }

  /** Lets just the time pass that it takes until the broker is asked. */
  passBatchTime(): Promise<void> {
    return this.advance(5);
  }

  /** Lets time pass, in milliseconds, step by step. */
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
