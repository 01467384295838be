/**
 * Subscriptions of the writer at the broker: those that any replica wants.
 *
 * @module
 */
import type { BrokerConnection, BrokerMessage, FilterRequest, QoS } from "../broker.ts";
import { TopicTrie } from "../topics/trie.ts";
import type { EventLog, LogEntry } from "./event_log.ts";

/** Largest subscription identifier (MQTT 5, section 3.8.2.1.2). */
const MAX_ID = 268_435_455;

/** Most filters of one entry in the log. */
const MAX_FILTERS_PER_ENTRY = 500;

/** Configuration of the subscriptions of one connection. */
export interface WantedFiltersOptions {
  /** Log that records what replicas want. */
  readonly log: Pick<EventLog, "readWanted" | "retire">;
  /** Token of the lease. */
  readonly token: string;
  /** Connection to the broker. */
  readonly connection: Pick<BrokerConnection, "subscribe" | "unsubscribe">;
  /** Appends an entry to the log, after those that wait. */
  readonly append: (entry: LogEntry) => Promise<void>;
  /** Returns a random number from 0 up to but not including 1. */
  readonly random: () => number;
}

/** Subscription of the connection. */
interface Subscription {
  readonly id: number;
  /** Highest quality of service that was recorded as granted; undefined until then. */
  granted: QoS | undefined;
}

/** Keeps the broker's subscriptions equal to what replicas want. */
export class WantedFilters {
  readonly #options: WantedFiltersOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #trie = new TopicTrie<Subscription>();
  readonly #ids = new Set<number>();
  #lastId: number;
  #generation = 1;
  /** False until the first filters are read. */
  #isRead = false;
  #isSubscribed = false;
  #running: Promise<void> | undefined;
  #isOutdated = false;

  /** Makes it without subscriptions; the broker may have some of the session. */
  constructor(options: WantedFiltersOptions) {
    this.#options = options;
    // The broker may still deliver messages with the identifiers of earlier connections.
    this.#lastId = Math.floor(options.random() * MAX_ID);
  }

  /**
   * Reads what replicas want, and changes the subscriptions. A call during another one makes that one begin again.
   *
   * @throws {BrokerError} if the connection closes before
   * @throws the error of the log
   */
  update(): Promise<void> {
    this.#isOutdated = true;
    return this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  /** Number of filters that are subscribed. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** True once the broker has answered the first requests. */
  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  /**
   * Returns a number for deliveries between two ends of subscriptions; 0 for one with identifiers of an earlier
   * connection, which the broker kept.
   */
  generationOf(message: BrokerMessage): number {
    return this.#isCurrent(message) ? this.#generation : 0;
  }

  /** Returns whether a filter that is wanted matches a message: the session may have subscriptions that none wants. */
  includes(message: BrokerMessage): boolean {
    return !this.#isRead || this.#isCurrent(message) || this.#trie.matches(message.topic);
  }

  #isCurrent({ subscriptions = [] }: BrokerMessage): boolean {
    return subscriptions.some((id) => this.#ids.has(id));
  }

  async #run(): Promise<void> {
    while (this.#isOutdated) {
      this.#isOutdated = false;
      const { log, token } = this.#options;
      // In this order, without a wait between them: what a replica wants from now on has no grant, and is subscribed to again.
      const [retired, wanted] = await Promise.all([log.retire(token), log.readWanted()]);
      await this.#unsubscribe(retired);
      await this.#subscribe(wanted);
    }
  }

  async #unsubscribe(retired: readonly string[]): Promise<void> {
    if (retired.length === 0) return;
    await this.#options.connection.unsubscribe(retired);
    for (const filter of retired) this.#delete(filter);
  }

  async #subscribe(wanted: ReadonlyMap<string, QoS>): Promise<void> {
    const { connection, append } = this.#options;
    const requests: FilterRequest[] = [];
    for (const filter of wanted.keys()) {
      // At QoS 1 for all, so that copies of one message are alike, and no message is lost between two writers.
      if (!this.#subscriptions.has(filter)) requests.push({ filter, qos: 1, id: this.#add(filter), retained: "never" });
    }
    this.#isRead = true;
    if (requests.length > 0) {
      for (const filter of await connection.subscribe(requests)) this.#delete(filter);
    }
    this.#isSubscribed = true;
    const changes: (readonly [filter: string, qos: QoS | undefined])[] = [];
    for (const [filter, qos] of wanted) {
      const subscription = this.#subscriptions.get(filter);
      if (subscription?.granted !== undefined && subscription.granted >= qos) continue;
      if (subscription !== undefined) subscription.granted = qos;
      changes.push([filter, subscription && qos]);
    }
    for (let from = 0; from < changes.length; from += MAX_FILTERS_PER_ENTRY) {
      await append({ type: "granted", filters: changes.slice(from, from + MAX_FILTERS_PER_ENTRY) });
    }
  }

  #add(filter: string): number {
    do this.#lastId = this.#lastId % MAX_ID + 1; while (this.#ids.has(this.#lastId));
    const subscription = { id: this.#lastId, granted: undefined };
    this.#subscriptions.set(filter, subscription);
    this.#trie.add(filter, subscription);
    this.#ids.add(subscription.id);
    return subscription.id;
  }

  #delete(filter: string): void {
    const subscription = this.#subscriptions.get(filter);
    if (subscription === undefined) return;
    this.#subscriptions.delete(filter);
    this.#trie.delete(filter);
    this.#ids.delete(subscription.id);
    this.#generation += 1;
  }
}
