/**
 * The connections to all brokers, opened on first use, closed when idle: for each broker and login one that listens and
 * one that publishes, so that a broker that hangs up on a message does not hang up on listeners. An owner on
 * whose message or subscription the broker may have hung up goes on with connections of its own.
 *
 * @module
 */
import { type BrokerAddress, BrokerError, type ConnectBroker, type Publication } from "./broker.ts";
import { Hub, type HubOptions } from "./hub/hub.ts";
import type { Subscriber } from "./hub/subscriber.ts";
import { SharedConnection } from "./shared_connection.ts";
import { isShared } from "./topics/rules.ts";

/** What a pool needs, and how it is bounded. */
export interface BrokerPoolOptions extends Omit<HubOptions, "connection" | "onHungUp"> {
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Longest wait for connection and answer together, in milliseconds. */
  readonly timeoutMs: number;
  /** How long an unused connection stays open, in milliseconds. */
  readonly idleMs: number;
  /**
   * Most connections open at a time, those that listen and those that publish together, beside the two to the broker at
   * home.
   */
  readonly maxConnections: number;
  /** The broker at home, with its own login: requests that name others, or make up logins, take nothing away from it. */
  readonly defaultBroker?: BrokerAddress;
}

/** A connection that publishes. */
interface Publishing {
  readonly id: string;
  readonly connection: SharedConnection;
  /** For whom it was opened; undefined for the gateway itself. */
  readonly openedFor: string | undefined;
  /** Publishes and checks under way. */
  using: number;
  /** How often it ended after it was open. */
  losses: number;
  idleSince: number;
}

/** A connection that listens. */
interface Listening {
  readonly id: string;
  readonly connection: SharedConnection;
  readonly hub: Hub;
  /** For whom it was opened. */
  readonly openedFor: string;
  /** Who has it alone; undefined for one that all share. */
  readonly owner: string | undefined;
  /** Whether it is being looked at. */
  isDoubted: boolean;
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

/** One owner's shared subscriptions may take one in so many connections. */
const CONNECTIONS_PER_SHARE = 8;

/** One owner may keep one in so many connections busy, for brokers and logins that it named first. */
const CONNECTIONS_PER_OWNER = 4;

/** Publishes to any broker, and listens to any. */
export class BrokerPool {
  readonly #options: BrokerPoolOptions;
  readonly #homeId: string | undefined;
  readonly #publishing = new Map<string, Publishing>();
  readonly #listening = new Map<string, Listening>();
  #closed: BrokerError | undefined;
  #lastAlone = 0;
  #sweeping: ReturnType<typeof setInterval> | undefined;

  /** Makes a pool without any connection yet. */
  constructor(options: BrokerPoolOptions) {
    this.#options = options;
    this.#homeId = options.defaultBroker && idOf(options.defaultBroker);
  }

  /**
   * Publishes a message, and waits until the broker acknowledged it. Tried once: what may have reached a device is
   * not sent again, and what could not be sent in time is not sent later.
   *
   * @param owner whose connections are counted together
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(
    address: BrokerAddress,
    publication: Publication,
    { owner }: { readonly owner?: string } = {},
  ): Promise<void> {
    return this.#use(address, (connection) => connection.publish(publication), owner);
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
  listen(address: BrokerAddress, listener: Subscriber): () => void {
    return listener.filters.some(isShared)
      ? this.#listenAlone(address, listener)
      : this.#hubOf(address, listener.owner).subscribe(listener);
  }

  /** Ends all listeners and closes all connections. */
  async close(reason: BrokerError = new BrokerError("Gateway is shutting down")): Promise<void> {
    this.#closed = reason;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
    await Promise.all(this.#all.map((entry) => this.#drop(entry, reason)));
  }

  /** How many connections there are, what is asked for on them, and by how many. */
  get usage(): BrokerUsage {
    const hubs = [...this.#listening.values()].map(({ hub }) => hub);
    return {
      connections: this.#size,
      subscriptions: hubs.reduce((sum, { subscriptions }) => sum + subscriptions, 0),
      listeners: hubs.reduce((sum, { subscribers }) => sum + subscribers, 0),
    };
  }

  get #size(): number {
    return this.#publishing.size + this.#listening.size;
  }

  get #all(): (Publishing | Listening)[] {
    return [...this.#publishing.values(), ...this.#listening.values()];
  }

  async #use(
    address: BrokerAddress,
    command: (connection: SharedConnection) => Promise<void>,
    owner?: string,
  ): Promise<void> {
    const id = this.#idOf(address);
    const ownId = owner === undefined ? id : apartId(id, owner);
    const entry = this.#publishing.get(ownId) ?? this.#publishing.get(id) ?? this.#openToPublish(id, address, owner);
    const { losses } = entry;
    entry.using += 1;
    try {
      await command(entry.connection);
    } catch (error) {
      this.#doubt(id);
      if (entry.losses > losses) {
        this.#setApart(this.#publishing, ownId, (own) => this.#openToPublish(own, address, owner));
      }
      throw error;
    } finally {
      entry.using -= 1;
      entry.idleSince = this.#options.monotonic();
    }
  }

  /**
   * Gives an owner a connection of its own, until it is idle: the broker hung up on what the owner asked of it. If it does
   * so again, it hangs up on no other key.
   */
  #setApart(connections: ReadonlyMap<string, unknown>, id: string, open: (id: string) => unknown): void {
    if (this.#closed !== undefined || connections.has(id)) return;
    try {
      open(id);
    } catch {
      // There is no room: it goes on with the others.
    }
  }

  /** Looks whether the connections that listen still live, as the one that publishes failed: all may have. */
  #doubt(id: string): void {
    for (const entry of this.#listening.values()) {
      const isSameLogin = entry.id === id || entry.id.startsWith(`${id} `);
      if (!isSameLogin || entry.isDoubted || !entry.connection.isOpen) continue;
      entry.isDoubted = true;
      // A broker that says nothing ends the connection, which the listeners are told.
      entry.connection.check().catch(() => {}).finally(() => entry.isDoubted = false);
    }
  }

  #hubOf(address: BrokerAddress, openedFor: string): Hub {
    const id = this.#idOf(address);
    const entry = this.#listening.get(apartId(id, openedFor)) ?? this.#listening.get(id);
    return (entry ?? this.#openToListen(id, address, { openedFor })).hub;
  }

  /**
   * Gives a listener with a shared subscription a connection of its own: to the broker each connection is one member of
   * the group, and without identifiers (MQTT 3.1.1) a message does not tell which subscription it came for.
   */
  #listenAlone(address: BrokerAddress, listener: Subscriber): () => void {
    if (address.open !== undefined) throw new BrokerError("The embedded broker has no shared subscriptions");
    const { owner } = listener;
    const own = [...this.#listening.values()].filter((entry) => entry.owner === owner).length;
    if (own >= Math.max(1, this.#options.maxConnections / CONNECTIONS_PER_SHARE)) {
      throw new BrokerError(`Too many shared subscriptions: this key has ${own}`);
    }
    this.#lastAlone += 1;
    const entry = this.#openToListen(`${this.#idOf(address)} ${this.#lastAlone}`, address, { openedFor: owner, owner });
    const leave = entry.hub.subscribe(listener);
    return () => {
      leave();
      // What comes from now on is for other members of the group.
      this.#drop(entry, new BrokerError("Listener left"));
    };
  }

  #idOf(address: BrokerAddress): string {
    if (this.#closed !== undefined) throw this.#closed;
    return idOf(address);
  }

  #openToPublish(id: string, address: BrokerAddress, openedFor: string | undefined): Publishing {
    this.#prepare(id, openedFor);
    const connection: SharedConnection = new SharedConnection(address, {
      ...this.#options,
      onMessage: () => undefined,
      onClosed: () => void (entry.losses += 1),
    });
    const entry: Publishing = { id, connection, openedFor, using: 0, losses: 0, idleSince: this.#options.monotonic() };
    this.#publishing.set(id, entry);
    return entry;
  }

  #openToListen(
    id: string,
    address: BrokerAddress,
    { openedFor, owner }: { readonly openedFor: string; readonly owner?: string },
  ): Listening {
    this.#prepare(id, openedFor);
    const connection: SharedConnection = new SharedConnection(address, {
      ...this.#options,
      onMessage: (message) => hub.receive(message),
      onClosed: (reason) => hub.connectionClosed(reason),
    });
    const hub = new Hub({
      ...this.#options,
      connection,
      onClosedWhileSubscribing: (asking) => {
        // One that is not shared is given to no other key.
        if (owner !== undefined) return;
        const id = apartId(idOf(address), asking);
        this.#setApart(this.#listening, id, (own) => this.#openToListen(own, address, { openedFor: asking }));
      },
    });
    const entry = { id, connection, hub, openedFor, owner, isDoubted: false, idleSince: this.#options.monotonic() };
    this.#listening.set(id, entry);
    return entry;
  }

  /** Makes room for another connection: made-up logins must lock out neither the real one nor those of other owners. */
  #prepare(wanted: string, openedFor: string | undefined): void {
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS);
    if (wanted === this.#homeId) return;
    const { maxConnections } = this.#options;
    const others = this.#all.filter(({ id }) => id !== this.#homeId);
    const busy = others.filter(isBusy);
    const own = busy.filter((entry) => entry.openedFor === openedFor).length;
    if (openedFor !== undefined && own >= Math.max(2, maxConnections / CONNECTIONS_PER_OWNER)) {
      throw new BrokerError(`Too many broker connections: this key keeps ${own} busy`);
    }
    if (others.length < maxConnections) return;
    const [unused] = others.filter((entry) => !isBusy(entry)).sort((one, other) => one.idleSince - other.idleSince);
    if (unused === undefined) throw new BrokerError(`Too many broker connections: ${others.length} are busy`);
    this.#drop(unused, new BrokerError("Idle"));
  }

  #sweep(): void {
    const now = this.#options.monotonic();
    for (const { hub } of this.#listening.values()) hub.sweep();
    for (const entry of this.#all) {
      if ("hub" in entry && entry.owner !== undefined && !entry.hub.hasSubscribers) {
        this.#drop(entry, new BrokerError("Listener left"));
      } else if ("hub" in entry ? entry.hub.isInUse : entry.using > 0) entry.idleSince = now;
      else if (now - entry.idleSince >= this.#options.idleMs) this.#drop(entry, new BrokerError("Idle"));
    }
    if (this.#size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }

  async #drop(entry: Publishing | Listening, reason: BrokerError): Promise<void> {
    if ("hub" in entry) {
      this.#listening.delete(entry.id);
      entry.hub.close(reason);
    } else this.#publishing.delete(entry.id);
    await entry.connection.close(reason);
  }
}

/** What tells the connections to one broker under one login from all others. */
function idOf({ host, port, username, password }: BrokerAddress): string {
  return JSON.stringify([host, port, username, password]);
}

/** What tells an owner's connection from the one that all share. */
function apartId(shared: string, owner: string): string {
  return `${shared} of ${owner}`;
}

function isBusy(entry: Publishing | Listening): boolean {
  return "hub" in entry ? entry.hub.hasSubscribers : entry.using > 0;
}
