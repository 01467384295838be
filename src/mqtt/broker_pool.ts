/**
 * The connections to all brokers: one for each broker and login, opened on first use, closed when idle.
 *
 * @module
 */
import { type BrokerAddress, BrokerError, type ConnectBroker, type Publication } from "./broker.ts";
import { Hub, type HubOptions } from "./hub.ts";
import type { Listener } from "./listener.ts";
import { SharedConnection } from "./shared_connection.ts";

/** What a pool needs, and how it is bounded. */
export interface BrokerPoolOptions extends Omit<HubOptions, "connection"> {
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Longest wait for connection and answer together, in milliseconds. */
  readonly timeoutMs: number;
  /** How long an unused connection stays open, in milliseconds. */
  readonly idleMs: number;
  /** Most connections open at a time. */
  readonly maxConnections: number;
}

interface Entry {
  readonly connection: SharedConnection;
  readonly hub: Hub;
  /** Publishes and checks under way. */
  using: number;
  idleSince: number;
}

/** How much brokers are used. */
export interface BrokerUsage {
  /** Connections to brokers. */
  readonly connections: number;
  /** Filters that they are asked for. */
  readonly subscriptions: number;
  /** Who listens. */
  readonly listeners: number;
}

/** How often it is looked for what is idle, in milliseconds. */
const SWEEP_MS = 1000;

/** Publishes to any broker, and listens to any. */
export class BrokerPool {
  readonly #options: BrokerPoolOptions;
  readonly #entries = new Map<string, Entry>();
  #closed: BrokerError | undefined;
  #sweeping: ReturnType<typeof setInterval> | undefined;

  /** Makes a pool without any connection yet. */
  constructor(options: BrokerPoolOptions) {
    this.#options = options;
  }

  /**
   * Publishes a message, and waits until the broker acknowledged it. Tried once: what may have reached a device is
   * not sent again, and what could not be sent in time is not sent later.
   *
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(address: BrokerAddress, publication: Publication): Promise<void> {
    return this.#use(address, (connection) => connection.publish(publication));
  }

  /**
   * Asks a broker for a sign of life.
   *
   * @throws {BrokerError} if there is no connection or no answer in time
   */
  check(address: BrokerAddress): Promise<void> {
    return this.#use(address, (connection) => connection.check());
  }

  /**
   * Adds a listener to a broker's hub.
   *
   * @returns the function that takes it away again
   * @throws {BrokerError} if there are too many connections or filters
   */
  listen(address: BrokerAddress, listener: Listener): () => void {
    return this.#entryFor(address).hub.join(listener);
  }

  /** Ends all listeners and closes all connections. */
  async close(reason: BrokerError = new BrokerError("Gateway is shutting down")): Promise<void> {
    this.#closed = reason;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
    await Promise.all([...this.#entries].map(([id, entry]) => this.#drop(id, entry, reason)));
  }

  /** How many connections there are, what is asked for on them, and by how many. */
  get usage(): BrokerUsage {
    const hubs = [...this.#entries.values()].map(({ hub }) => hub);
    return {
      connections: hubs.length,
      subscriptions: hubs.reduce((sum, { subscriptions }) => sum + subscriptions, 0),
      listeners: hubs.reduce((sum, { listeners }) => sum + listeners, 0),
    };
  }

  async #use(address: BrokerAddress, command: (connection: SharedConnection) => Promise<void>): Promise<void> {
    const entry = this.#entryFor(address);
    entry.using += 1;
    try {
      await command(entry.connection);
    } finally {
      entry.using -= 1;
      entry.idleSince = this.#options.monotonic();
    }
  }

  #entryFor(address: BrokerAddress): Entry {
    if (this.#closed !== undefined) throw this.#closed;
    const id = JSON.stringify([address.host, address.port, address.username, address.password]);
    return this.#entries.get(id) ?? this.#open(id, address);
  }

  #open(id: string, address: BrokerAddress): Entry {
    if (this.#entries.size >= this.#options.maxConnections) this.#makeRoom();
    const connection: SharedConnection = new SharedConnection(address, {
      ...this.#options,
      onMessage: (message) => hub.receive(message),
      onLost: (reason) => hub.lost(reason),
    });
    const hub = new Hub({ ...this.#options, connection });
    const entry = { connection, hub, using: 0, idleSince: this.#options.monotonic() };
    this.#entries.set(id, entry);
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS);
    return entry;
  }

  /** Makes room for another connection: made-up logins must not lock out the real one. */
  #makeRoom(): void {
    const [unused] = [...this.#entries]
      .filter(([, { using, hub }]) => using === 0 && !hub.hasListeners)
      .sort(([, one], [, other]) => one.idleSince - other.idleSince);
    if (unused === undefined) throw new BrokerError(`Too many broker connections: ${this.#entries.size} are busy`);
    this.#drop(...unused, new BrokerError("Idle"));
  }

  #sweep(): void {
    const now = this.#options.monotonic();
    for (const [id, entry] of this.#entries) {
      entry.hub.sweep();
      if (entry.using > 0 || entry.hub.isInUse) entry.idleSince = now;
      else if (now - entry.idleSince >= this.#options.idleMs) this.#drop(id, entry, new BrokerError("Idle"));
    }
    if (this.#entries.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }

  async #drop(id: string, { connection, hub }: Entry, reason: BrokerError): Promise<void> {
    this.#entries.delete(id);
    hub.close(reason);
    await connection.drop(reason);
  }
}
