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
export type Way = "a copy for each subscription" | "one copy with all ids" | "one copy without ids";

/** MQTT 5 as Mosquitto does it, MQTT 5 as others do it, and MQTT 3.1.1. */
export const WAYS: readonly Way[] = ["a copy for each subscription", "one copy with all ids", "one copy without ids"];

const UNREACHABLE = new BrokerError("Broker is not there");
const HUNG_UP = new BrokerError("Broker hung up");

const utf8 = new TextEncoder();

/** One connection: what is on its way to the broker, and what on its way back. Neither overtakes its like. */
interface Line {
  readonly subscriptions: Map<string, { readonly id: number; readonly qos: QoS }>;
  readonly commands: (() => void)[];
  readonly packets: (() => void)[];
  readonly lost: PromiseWithResolvers<BrokerError>;
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
  way: Way = "a copy for each subscription";
  /** Whether it can be reached. */
  isUp = true;
  /** Whether it hangs up on whoever subscribes. */
  hangsUp = false;
  /** Whether what is sent to it arrives at once, or with {@linkcode read}. */
  reads = true;
  /** Whether what it sends arrives at once, or with {@linkcode send}. */
  sends = true;
  /** Whether retained messages come ahead of SUBACK. */
  retainedFirst = false;
  /** Whether a SUBACK arrives ahead of everything that is on its way. */
  overtakes = false;
  #line: Line | undefined;

  readonly connect: ConnectBroker = (_address, { signal, onMessage = () => undefined }) => {
    this.attempts.push(Date.now());
    const { promise, resolve, reject } = Promise.withResolvers<BrokerConnection>();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (!this.isUp) {
      reject(UNREACHABLE);
      return promise;
    }
    const lost = Promise.withResolvers<BrokerError>();
    const line: Line = { subscriptions: new Map(), commands: [], packets: [], lost, onMessage };
    this.#line = line;
    lost.promise.then(reject);
    this.#command(line, () => line.packets.push(() => resolve(this.#connection(line))));
    return promise;
  };

  /** Publishes a message of some other client. */
  publish(topic: string, payload: string, { retain = false, qos = 0 }: { retain?: boolean; qos?: QoS } = {}): void {
    if (retain && payload === "") this.retained.delete(topic);
    else if (retain) this.retained.set(topic, payload);
    const line = this.#line;
    if (line === undefined) return;
    const matching = [...line.subscriptions].filter(([filter]) => matches(filter, topic)).map(([, each]) => each);
    const copies = this.way === "a copy for each subscription" ? matching.map((each) => [each]) : [matching];
    for (const copy of copies.filter(({ length }) => length > 0)) {
      const granted = copy.some((each) => each.qos >= qos) ? qos : 0;
      this.#deliver(line, { topic, payload, retain: false, qos: granted, ids: copy.map(({ id }) => id) });
    }
    this.#work();
  }

  /** Lets so many of the requests that are on their way arrive, and all of them from now on if no number is given. */
  read(count?: number): void {
    if (count === undefined) this.reads = true;
    else for (const command of this.#line?.commands.splice(0, count) ?? []) command();
    this.#work();
  }

  /** Lets so many of the packets that are on their way arrive in one piece, or all from now on. */
  send(count?: number): void {
    if (count === undefined) this.sends = true;
    else for (const packet of this.#line?.packets.splice(0, count) ?? []) packet();
    this.#work();
  }

  /** Breaks the connection. What was on its way is lost. */
  hangUp(reason = HUNG_UP): void {
    const line = this.#line;
    this.#line = undefined;
    line?.lost.resolve(reason);
  }

  #connection(line: Line): BrokerConnection {
    return {
      closed: line.lost.promise,
      packetsReceived: 0,
      publish: () => ({ acknowledged: Promise.resolve(), cancel() {} }),
      subscribe: async (requests) => {
        this.subscribed.push(requests);
        if (this.hangsUp) this.hangUp();
        // MQTT 5 has room for one id in a packet.
        const packets = this.way === "one copy without ids" ? [requests] : requests.map((request) => [request]);
        const refused = await Promise.all(packets.map((packet) => this.#subscribe(line, packet)));
        return refused.flat();
      },
      unsubscribe: async (filters) => {
        this.unsubscribed.push(filters);
        await this.#ask<void>(line, (answer) => {
          for (const filter of filters) line.subscriptions.delete(filter);
          line.packets.push(answer);
        });
      },
      close: (reason = new BrokerError("Connection closed")) => {
        if (this.#line === line) this.hangUp(reason);
        else line.lost.resolve(reason);
        return Promise.resolve();
      },
    };
  }

  #subscribe(line: Line, requests: readonly FilterRequest[]): Promise<string[]> {
    return this.#ask(line, (answer) => {
      const refused = requests.map(({ filter }) => filter).filter((filter) => this.refused.has(filter));
      const grant = () => answer(refused);
      if (this.overtakes) line.packets.unshift(grant);
      else if (!this.retainedFirst) line.packets.push(grant);
      for (const { filter, id, qos } of requests) {
        if (refused.includes(filter)) continue;
        line.subscriptions.set(filter, { id, qos });
        for (const [topic, payload] of this.retained) {
          if (matches(filter, topic)) this.#deliver(line, { topic, payload, retain: true, qos, ids: [id] });
        }
      }
      if (this.retainedFirst && !this.overtakes) line.packets.push(grant);
    });
  }

  /** Sends a request, and waits for its answer. */
  #ask<T>(line: Line, request: (answer: (result: T) => void) => void): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#command(line, () => request(resolve));
    return Promise.race([promise, line.lost.promise.then((reason) => Promise.reject(reason))]);
  }

  #deliver(line: Line, { topic, payload, retain, qos, ids }: {
    readonly topic: string;
    readonly payload: string;
    readonly retain: boolean;
    readonly qos: QoS;
    readonly ids: readonly number[];
  }): void {
    const subscriptions = this.way === "one copy without ids" ? undefined : ids;
    const message: BrokerMessage = { topic, payload: utf8.encode(payload), qos, retain, subscriptions };
    line.packets.push(() => void line.onMessage(message));
  }

  #command(line: Line, run: () => void): void {
    line.commands.push(run);
    this.#work();
  }

  #work(): void {
    const line = this.#line;
    while (this.reads && line !== undefined && line.commands.length > 0) line.commands.shift()?.();
    while (this.sends && line !== undefined && line.packets.length > 0) line.packets.shift()?.();
  }
}

function matches(filter: string, topic: string): boolean {
  return new TopicFilterSet([filter]).matches(topic);
}

/** What a listener asks for, as far as it matters. */
export type Wishes = Partial<Pick<Subscriber, "owner" | "qos" | "keep" | "since">>;

/** A listener that writes down what it hears. */
export class Recorder implements Subscriber {
  /** What it heard, in words. */
  readonly heard: string[] = [];
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
  leave: () => void = () => {};
  /** Called after each thing that it heard. */
  onHeard: (what: string) => void = () => {};

  constructor(filters: readonly string[], { owner = "phone", qos = 0, keep = false, since }: Wishes = {}) {
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
    this.heard.push(what);
    this.onHeard(what);
  }
}

/** Configuration of an environment. */
export interface EnvironmentOptions {
  /** Most bytes of the history. */
  readonly maxBytes?: number;
  readonly backpressure?: HubConfig["backpressure"];
}

/** A hub, its broker, and the clock of both. */
export class Stage implements AsyncDisposable {
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
        limits: { resumeSeconds: Stage.RESUME_MS / 1000 },
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
  join(filters: string | readonly string[], wishes?: Wishes): Recorder {
    const listener = new Recorder(typeof filters === "string" ? [filters] : filters, wishes);
    listener.leave = this.hub.subscribe(listener);
    return listener;
  }

  /** Adds a listener and waits until the broker has granted what it asked for. */
  async listen(filters: string | readonly string[], wishes?: Wishes): Promise<Recorder> {
    const listener = this.join(filters, wishes);
    await this.gather();
    return listener;
  }

  /** Lets just the time pass that it takes until the broker is asked. */
  gather(): Promise<void> {
    return this.pass(5);
  }

  /** Lets time pass, in milliseconds, step by step. */
  async pass(ms: number, step = 50): Promise<void> {
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
