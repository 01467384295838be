/** Several replicas of the gateway in one process, with a log in memory and a writer that a test controls. */
import { Mutex } from "../../src/lib/async.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { BrokerError, type QoS } from "../../src/mqtt/broker.ts";
import { LeaseLostError, type LogEntry } from "../../src/mqtt/replicas/event_log.ts";
import { LogHub } from "../../src/mqtt/replicas/log_hub.ts";
import { MemoryHistory } from "../../src/mqtt/hub/memory_history.ts";
import { TopicFilterSet } from "../../src/mqtt/topics/filter_set.ts";
import { FakeTime } from "./fake_time.ts";
import { FakeBroker, RecordingSubscriber, type SubscriberOptions } from "./hub.ts";
import type { LogLimits } from "./log_model.ts";
import { type MemoryEventLog, MemoryLogServer } from "./memory_event_log.ts";
import { settle } from "./settle.ts";

const utf8 = new TextEncoder();

/** A replica. */
export interface TestReplica {
  readonly name: string;
  readonly log: MemoryEventLog;
  readonly hub: LogHub;
  /** The broker, as the replica's own connection sees it. */
  readonly broker: FakeBroker;
}

/** Configuration of an environment. */
export interface ReplicaOptions {
  readonly replicas?: number;
  readonly limits?: LogLimits;
  /** Most bytes of each history. */
  readonly maxBytes?: number;
  /** Time for which idle subscriptions are kept, in seconds. */
  readonly resumeSeconds?: number;
}

/** Replicas, their log and their writer. */
export class ReplicaEnvironment implements AsyncDisposable {
  readonly server: MemoryLogServer;
  readonly replicas: TestReplica[] = [];
  readonly writer: TestWriter;
  /** Errors of defects. */
  readonly faults: unknown[] = [];
  readonly #options: ReplicaOptions;
  readonly #time = new FakeTime();
  #made = 0;

  constructor(options: ReplicaOptions = {}) {
    this.#options = options;
    this.server = new MemoryLogServer(options.limits);
    this.writer = new TestWriter(this.server.open());
    for (let index = 0; index < (options.replicas ?? 2); index++) this.replicas.push(this.#make());
  }

  /** Returns a replica. */
  replica(index: number): TestReplica {
    const replica = this.replicas[index];
    if (replica === undefined) throw new Error(`No replica ${index}`);
    return replica;
  }

  /** Publishes a message of another client. */
  async publish(topic: string, payload: string, { retain = false, qos = 0 }: { retain?: boolean; qos?: QoS } = {}) {
    for (const { broker } of this.replicas) broker.publish(topic, payload, { retain, qos });
    await this.writer.publish(topic, payload, qos);
  }

  /** Subscribes at a replica, and waits until it is granted. */
  async subscribe(index: number, filters: string | readonly string[], options?: SubscriberOptions) {
    const subscriber = this.add(index, filters, options);
    await this.advance(20, 5);
    return subscriber;
  }

  /** Adds a subscriber, which may be pending. */
  add(index: number, filters: string | readonly string[], options?: SubscriberOptions): RecordingSubscriber {
    const subscriber = new RecordingSubscriber(typeof filters === "string" ? [filters] : filters, options);
    subscriber.unsubscribe = this.replica(index).hub.hub.subscribe(subscriber);
    return subscriber;
  }

  /** Ends a replica without a word to the log, and starts a new one in its place. */
  async kill(index: number): Promise<void> {
    const { hub, log, broker } = this.replica(index);
    log.faults.fail();
    const retained = new Map(broker.retained);
    const made = this.#make();
    for (const [topic, payload] of retained) made.broker.retained.set(topic, payload);
    this.replicas[index] = made;
    await hub.close(new BrokerError("Killed"));
    await log.close();
  }

  /** Advances the time step by step, in milliseconds; the writer follows the log. */
  async advance(ms: number, step = 50): Promise<void> {
    await settle();
    for (let left = ms; left > 0; left -= step) {
      this.#time.pass(Math.min(left, step));
      for (const { hub } of this.replicas) {
        hub.hub.sweep();
        await hub.renew().catch(() => {});
      }
      await this.writer.follow();
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { hub, log } of this.replicas) {
      await hub.close(new BrokerError("End of the test"));
      await log.close();
    }
    await settle();
    this.#time[Symbol.dispose]();
  }

  #make(): TestReplica {
    const { maxBytes = 1_000_000, resumeSeconds = 10 } = this.#options;
    const name = `replica ${this.#made += 1}`;
    const log = this.server.open();
    const broker = new FakeBroker();
    const hub = new LogHub({
      log,
      replica: name,
      broker: { address: { host: "broker", port: 1883 }, connect: broker.connect, timeoutMs: 10_000 },
      hub: {
        limits: { resumeSeconds },
        backpressure: () => undefined,
        random: Math.random,
        onFault: (error) => void this.faults.push(error),
      },
      memory: new MemoryHistory({ epoch: "", limits: { resumeBytes: maxBytes } }),
      clock: { ...SYSTEM_CLOCK, monotonic: SYSTEM_CLOCK.now },
      onChange: () => {},
      onWanted: () => {},
      onClosedWhileSubscribing: () => {},
    });
    hub.start();
    return { name, log, hub, broker };
  }
}

/** Writer whose broker keeps its session: messages of QoS 1 wait while it is not connected, others are lost. */
export class TestWriter {
  readonly #log: MemoryEventLog;
  readonly #filters = new Map<string, QoS>();
  readonly #waiting: LogEntry[] = [];
  /** All in the order of the calls, also while the log answers late. */
  readonly #mutex = new Mutex();
  #token: string | undefined;
  #tokens = 0;
  #removed = 0;
  #misses = new Map<string, { renewals: number; looks: number }>();

  constructor(log: MemoryEventLog) {
    this.#log = log;
  }

  /** True while it may append. */
  get isConnected(): boolean {
    return this.#token !== undefined;
  }

  /** Replicas that it removed. */
  get removed(): number {
    return this.#removed;
  }

  /** Connects to the broker with a new lease; another replica may be the writer now. */
  connect(): Promise<void> {
    return this.#mutex.runExclusive(() => this.#connect());
  }

  async #connect(): Promise<void> {
    this.disconnect();
    try {
      const token = `token ${this.#tokens += 1}`;
      if (!await this.#log.lease.take(token, await this.#log.lease.read())) return;
      await this.#log.append(token, [{ type: "gap" }, ...this.#waiting]);
      this.#waiting.length = 0;
      const wanted = await this.#log.readWanted();
      this.#filters.clear();
      for (const [filter, qos] of wanted) this.#filters.set(filter, qos);
      await this.#log.append(token, [{ type: "granted", filters: [...wanted] }]);
      this.#token = token;
    } catch {
      // It tries again with the next call.
    }
  }

  /** Loses the connection to the broker, perhaps with a word to the log. */
  disconnect(): void {
    this.#token = undefined;
  }

  /** Loses the connection to the broker, and says so. */
  goOffline(reason = "Broker unreachable"): Promise<void> {
    return this.#mutex.runExclusive(() => this.#goOffline(reason));
  }

  async #goOffline(reason: string): Promise<void> {
    await this.#append([{ type: "offline", reason }]);
    this.disconnect();
  }

  /** Appends a message, unless it waits at the broker or is lost. */
  publish(topic: string, payload: string, qos: QoS): Promise<void> {
    return this.#mutex.runExclusive(() => this.#publish(topic, payload, qos));
  }

  async #publish(topic: string, payload: string, qos: QoS): Promise<void> {
    const granted = [...this.#filters].filter(([filter]) => new TopicFilterSet([filter]).matches(topic));
    if (granted.length === 0) return;
    const delivered = granted.some(([, highest]) => highest >= qos) ? qos : 0;
    const message = { topic, payload: utf8.encode(payload), qos: delivered, retain: false };
    const entry: LogEntry = { type: "message", message, receivedAt: Date.now() };
    if (!await this.#append([entry]) && delivered > 0) this.#waiting.push(entry);
  }

  /** Subscribes to what replicas want, and ends what they do not. */
  follow(): Promise<void> {
    return this.#mutex.runExclusive(() => this.#follow());
  }

  async #follow(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    try {
      const wanted = await this.#log.readWanted();
      const missing = [...wanted].filter(([filter, qos]) => (this.#filters.get(filter) ?? -1) < qos);
      for (const [filter, qos] of missing) this.#filters.set(filter, qos);
      if (missing.length > 0) await this.#log.append(token, [{ type: "granted", filters: missing }]);
      for (const filter of await this.#log.retire(token)) this.#filters.delete(filter);
      await this.#removeGone(token);
    } catch (error) {
      if (error instanceof LeaseLostError) this.disconnect();
    }
  }

  async #removeGone(token: string): Promise<void> {
    for (const [replica, renewals] of await this.#log.readReplicas()) {
      const known = this.#misses.get(replica);
      const looks = known?.renewals === renewals ? known.looks + 1 : 0;
      this.#misses.set(replica, { renewals, looks });
      if (looks < 400) continue;
      this.#removed += 1;
      this.#misses.delete(replica);
      await this.#log.removeReplica(token, replica);
    }
  }

  async #append(entries: readonly LogEntry[]): Promise<boolean> {
    if (this.#token === undefined) return false;
    try {
      await this.#log.append(this.#token, entries);
      return true;
    } catch {
      this.disconnect();
      return false;
    }
  }
}
