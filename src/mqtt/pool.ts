/**
 * Connections to all brokers, opened on first use and closed when idle. For each broker and login, one subscribes and
 * one publishes, so that a broker that closes the connection because of a message ends no subscription. An owner whose
 * command may have been the cause gets connections of its own.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import type { Deadlines } from "../lib/deadlines.ts";
import { type BrokerAddress, BrokerError, type ConnectBroker, type Publication } from "./broker.ts";
import type { EventHistory } from "./hub/history.ts";
import { Hub, type HubConfig } from "./hub/hub.ts";
import { ConnectionSource } from "./hub/source.ts";
import type { Subscriber } from "./hub/subscriber.ts";
import { SharedConnection } from "./shared_connection.ts";
import { isShared } from "./topics/rules.ts";

/** Limits of a pool. */
export interface BrokerPoolLimits {
  /** Longest wait for connection and response together, in milliseconds. */
  readonly timeoutMs: number;
  /** Time after which an unused connection is closed, in seconds. */
  readonly idleSeconds: number;
  /** Most connections at a time, for subscribing and publishing together, beside the two to the default broker. */
  readonly maxConnections: number;
}

/** Configuration of a pool. */
export interface BrokerPoolOptions {
  /** Opens connections. */
  readonly connect: ConnectBroker;
  /** Limits of the pool. */
  readonly limits: BrokerPoolLimits;
  /** Configuration of the hubs, one for each connection that subscribes. */
  readonly hub: HubConfig;
  /** Clock of timestamps and timeouts. */
  readonly clock: Clock;
  /** Timeouts of commands; with timers of their own by default. */
  readonly deadlines?: Deadlines;
  /** Broker and login whose connections are exempt from the limit, so that other addresses cannot exhaust it. */
  readonly defaultBroker?: BrokerAddress;
  /** Hubs whose messages all replicas of the gateway share; none by default. */
  readonly sharedHubs?: SharedHubs | undefined;
}

/** Part of the memory for messages that the default broker's shared hub keeps; the rest is for all other connections. */
export const SHARED_HISTORY_PART = 3 / 4;

/** Hubs of the replicas of the gateway. */
export interface SharedHubs {
  /** Hub of the default broker and its login, which is always open; undefined if replicas do not share it. */
  readonly defaultHub: (SharedHub & { readonly bytes: number }) | undefined;
  /**
   * Makes the hub of another login.
   *
   * @param options owner that it counts for, and the memory for its messages
   * @returns undefined if replicas do not share its messages
   */
  make(
    address: BrokerAddress,
    options: { readonly owner: string; readonly memory: EventHistory },
  ): SharedHub | undefined;
}

/** Events of a shared hub. */
export interface SharedHubEvents {
  /** Called with an owner whose request may be why the broker closed a connection. */
  readonly onClosedWhileSubscribing: (owner: string) => void;
  /** Called when the broker does not accept the login, or not any more: the hub is then to be closed. */
  readonly onRefused: (reason: BrokerError) => void;
}

/** Hub that gets its messages in another way than by a connection of the pool. */
export interface SharedHub {
  /** True while other replicas need it: it is not idle then. */
  readonly isNeeded: boolean;
  /** Opens it. */
  open(events: SharedHubEvents): Hub;
  /** Checks that the broker answers, as it may be frozen; closes connections on which it is silent. */
  checkConnections(): void;
  /** Ends all subscribers, and closes it; they may resume at other replicas. */
  close(reason: BrokerError): Promise<void>;
  /** The same, but none of them is to resume. */
  leave(reason: BrokerError): Promise<void>;
}

/** Connection of the pool. */
interface PooledConnection {
  readonly id: string;
  /** Owner that it counts for; undefined for the gateway itself. */
  readonly openedFor: string | undefined;
  /** Start of the current idle time, in milliseconds. */
  idleSince: number;
}

/** Connection for publishing. */
interface PublishingConnection extends PooledConnection {
  readonly connection: SharedConnection;
  /** Number of pending publishes and checks. */
  pending: number;
  /** Number of times that it closed after it was open. */
  closeCount: number;
}

/** Connection for subscribing. */
interface SubscribingConnection extends PooledConnection {
  readonly hub: Hub;
  /** What feeds the hub. */
  readonly source: SharedConnection | SharedHub;
  readonly openedFor: string;
  /** Only owner that uses it; undefined for a shared connection. */
  readonly dedicatedTo: string | undefined;
  /** True while a check is pending. */
  isChecking: boolean;
}

/** Numbers of a pool for metrics. */
export interface BrokerUsage {
  /** Connections to brokers. */
  readonly connections: number;
  /** Filters that are requested on them. */
  readonly subscriptions: number;
  /** Subscribers. */
  readonly listeners: number;
}

/** Interval at which idle connections and subscriptions are closed, in milliseconds. */
const SWEEP_MS = 1000;

/** Connections of a shared hub: its own, and that of the writer of its log. */
const CONNECTIONS_PER_SHARED_HUB = 2;

/** Share of all connections that one owner's shared subscriptions may take: one in this many. */
const CONNECTIONS_PER_SHARE = 8;

/** Share of all connections that one owner may keep busy: one in this many. */
const CONNECTIONS_PER_OWNER = 4;

/** Publishes to any broker, and subscribes at any. */
export class BrokerPool {
  readonly #options: BrokerPoolOptions;
  readonly #defaultId: string | undefined;
  readonly #publishing = new Map<string, PublishingConnection>();
  readonly #subscribing = new Map<string, SubscribingConnection>();
  /** Hub of the default broker, if it is shared. */
  readonly #defaultHub: Hub | undefined;
  #closeReason: BrokerError | undefined;
  #dedicatedCount = 0;
  #sweepTimer: ReturnType<typeof setInterval> | undefined;

  /** Makes a pool without connections. */
  constructor(options: BrokerPoolOptions) {
    const { defaultBroker, sharedHubs } = options;
    this.#options = options;
    this.#defaultId = defaultBroker && sharedId(defaultBroker);
    if (defaultBroker === undefined) return;
    this.#defaultHub = sharedHubs?.defaultHub?.open({
      onClosedWhileSubscribing: (owner) => this.#isolateSubscriber(defaultBroker, owner),
      // Listeners wait for the gateway's own login to be accepted again.
      onRefused() {},
    });
  }

  /**
   * Publishes a message and waits for the broker's acknowledgement. Never retries, as the message may have reached a
   * device, and never sends it after the timeout.
   *
   * @param options owner whose connections are limited together
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
   * Checks that a broker responds.
   *
   * @throws {BrokerError} if there is no connection or no response in time
   */
  check(address: BrokerAddress): Promise<void> {
    return this.#use(address, (connection) => connection.check());
  }

  /**
   * Adds a subscriber to the hub of a broker.
   *
   * @returns the function that removes it
   * @throws {BrokerError} if there are too many connections or filters
   */
  listen(address: BrokerAddress, subscriber: Subscriber): () => void {
    return subscriber.filters.some(isShared)
      ? this.#subscribeDedicated(address, subscriber)
      : this.#hubOf(address, subscriber.owner).subscribe(subscriber);
  }

  /** Ends all subscribers and closes all connections. */
  async close(reason: BrokerError = new BrokerError("Gateway is shutting down")): Promise<void> {
    this.#closeReason = reason;
    clearInterval(this.#sweepTimer);
    this.#sweepTimer = undefined;
    await Promise.all([
      this.#options.sharedHubs?.defaultHub?.close(reason),
      ...this.#all.map((entry) => this.#close(entry, reason)),
    ]);
  }

  /** Numbers of connections, filters and subscribers. */
  get usage(): BrokerUsage {
    const hubs = this.#hubs;
    return {
      connections: this.#size,
      subscriptions: hubs.reduce((sum, { subscriptions }) => sum + subscriptions, 0),
      listeners: hubs.reduce((sum, { subscribers }) => sum + subscribers, 0),
    };
  }

  get #size(): number {
    return connectionsOf(this.#all);
  }

  get #hubs(): Hub[] {
    const hubs = [...this.#subscribing.values()].map(({ hub }) => hub);
    return this.#defaultHub === undefined ? hubs : [this.#defaultHub, ...hubs];
  }

  /** All but those to the default broker. */
  get #others(): (PublishingConnection | SubscribingConnection)[] {
    return this.#all.filter(({ id }) => id !== this.#defaultId);
  }

  get #all(): (PublishingConnection | SubscribingConnection)[] {
    return [...this.#publishing.values(), ...this.#subscribing.values()];
  }

  async #use(
    address: BrokerAddress,
    command: (connection: SharedConnection) => Promise<void>,
    owner?: string,
  ): Promise<void> {
    const id = this.#idOf(address);
    const ownId = owner === undefined ? id : ownedId(id, owner);
    const entry = this.#publishing.get(ownId) ?? this.#publishing.get(id) ?? this.#openPublishing(id, address, owner);
    const { closeCount } = entry;
    entry.pending += 1;
    try {
      await command(entry.connection);
    } catch (error) {
      this.#checkSubscribing(id);
      if (entry.closeCount > closeCount) {
        this.#isolate(this.#publishing, ownId, (own) => this.#openPublishing(own, address, owner));
      }
      throw error;
    } finally {
      entry.pending -= 1;
      entry.idleSince = this.#options.clock.monotonic();
    }
  }

  /**
   * Gives an owner a connection of its own until it is idle, after the broker closed one while a command of the owner
   * was pending. If that happens again, it affects no other owner.
   */
  #isolate(connections: ReadonlyMap<string, unknown>, id: string, open: (id: string) => unknown): void {
    if (this.#closeReason !== undefined || connections.has(id)) return;
    try {
      open(id);
    } catch {
      // At the limit of connections the owner continues on the shared one.
    }
  }

  /** Checks the subscribing connections of a login after its publishing one failed, as the broker may be frozen. */
  #checkSubscribing(id: string): void {
    if (id === this.#defaultId) this.#options.sharedHubs?.defaultHub?.checkConnections();
    for (const entry of this.#subscribing.values()) {
      const isSameLogin = entry.id === id || entry.id.startsWith(`${id} `);
      if (!isSameLogin) continue;
      const { source } = entry;
      if (!(source instanceof SharedConnection)) {
        source.checkConnections();
        continue;
      }
      if (entry.isChecking || !source.isOpen) continue;
      entry.isChecking = true;
      // Without any response the connection is closed, which the hub reports to its subscribers.
      source.check().catch(() => {}).finally(() => entry.isChecking = false);
    }
  }

  #hubOf(address: BrokerAddress, openedFor: string): Hub {
    const id = this.#idOf(address);
    const own = this.#subscribing.get(ownedId(id, openedFor));
    if (own === undefined && id === this.#defaultId && this.#defaultHub !== undefined) {
      this.#startSweeping();
      return this.#defaultHub;
    }
    const entry = own ?? this.#subscribing.get(id) ?? this.#openShared(id, address, openedFor);
    return (entry ?? this.#openSubscribing(id, address, { openedFor })).hub;
  }

  /** Opens the shared hub of a login, if replicas share its messages and there is room for its connections. */
  #openShared(id: string, address: BrokerAddress, openedFor: string): SubscribingConnection | undefined {
    const { sharedHubs, hub: { history }, limits: { maxConnections } } = this.#options;
    if (sharedHubs === undefined) return undefined;
    this.#makeRoom(id, openedFor);
    if (connectionsOf(this.#others) + CONNECTIONS_PER_SHARED_HUB > maxConnections) return undefined;
    const shared = sharedHubs.make(address, { owner: openedFor, memory: history });
    if (shared === undefined) return undefined;
    const hub = shared.open({
      onClosedWhileSubscribing: (owner) => this.#isolateSubscriber(address, owner),
      onRefused: (reason) => void this.#close(entry, reason),
    });
    const entry = this.#addSubscribing({ id, hub, source: shared, openedFor, dedicatedTo: undefined });
    return entry;
  }

  #addSubscribing(fields: Omit<SubscribingConnection, "isChecking" | "idleSince">): SubscribingConnection {
    const entry = { ...fields, isChecking: false, idleSince: this.#options.clock.monotonic() };
    this.#subscribing.set(entry.id, entry);
    return entry;
  }

  /**
   * Opens a connection for one subscriber with a shared subscription: for the broker, each connection is one member of
   * the group, and without identifiers (MQTT 3.1.1) a message does not show which subscription it is for.
   */
  #subscribeDedicated(address: BrokerAddress, subscriber: Subscriber): () => void {
    if (address.open !== undefined) throw new BrokerError("The embedded broker has no shared subscriptions");
    const { owner } = subscriber;
    const own = [...this.#subscribing.values()].filter(({ dedicatedTo }) => dedicatedTo === owner).length;
    if (own >= Math.max(1, this.#options.limits.maxConnections / CONNECTIONS_PER_SHARE)) {
      throw new BrokerError(`Too many shared subscriptions: this key has ${own}`);
    }
    this.#dedicatedCount += 1;
    const id = `${this.#idOf(address)} ${this.#dedicatedCount}`;
    const entry = this.#openSubscribing(id, address, { openedFor: owner, dedicatedTo: owner });
    const unsubscribe = entry.hub.subscribe(subscriber);
    return () => {
      unsubscribe();
      // At once, so that the broker sends further messages to other members of the group.
      this.#close(entry, new BrokerError("Listener left"));
    };
  }

  #idOf(address: BrokerAddress): string {
    if (this.#closeReason !== undefined) throw this.#closeReason;
    const known = address === this.#options.defaultBroker ? this.#defaultId : undefined;
    return known ?? sharedId(address);
  }

  #openPublishing(id: string, address: BrokerAddress, openedFor: string | undefined): PublishingConnection {
    this.#makeRoom(id, openedFor);
    const { connect, clock, deadlines, limits: { timeoutMs } } = this.#options;
    const connection: SharedConnection = new SharedConnection(address, {
      connect,
      clock,
      deadlines,
      timeoutMs,
      onMessage: () => undefined,
      onClosed: () => void (entry.closeCount += 1),
    });
    const entry = { id, connection, openedFor, pending: 0, closeCount: 0, idleSince: clock.monotonic() };
    this.#publishing.set(id, entry);
    return entry;
  }

  #openSubscribing(
    id: string,
    address: BrokerAddress,
    { openedFor, dedicatedTo }: { readonly openedFor: string; readonly dedicatedTo?: string },
  ): SubscribingConnection {
    this.#makeRoom(id, openedFor);
    const { connect, clock, deadlines, hub: config, limits: { timeoutMs } } = this.#options;
    const connection: SharedConnection = new SharedConnection(address, {
      connect,
      clock,
      deadlines,
      timeoutMs,
      onMessage: (message) => hub.receive(message),
      onClosed: (reason) => hub.connectionClosed(reason),
    });
    const hub = new Hub({
      source: new ConnectionSource(connection),
      config,
      clock,
      onClosedWhileSubscribing: (owner) => {
        // A dedicated connection is used by no other owner.
        if (dedicatedTo === undefined) this.#isolateSubscriber(address, owner);
      },
    });
    return this.#addSubscribing({ id, hub, source: connection, openedFor, dedicatedTo });
  }

  #isolateSubscriber(address: BrokerAddress, owner: string): void {
    const ownId = ownedId(sharedId(address), owner);
    this.#isolate(this.#subscribing, ownId, (own) => this.#openSubscribing(own, address, { openedFor: owner }));
  }

  #startSweeping(): void {
    this.#sweepTimer ??= setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Makes room for a connection: fake logins must lock out neither the default broker nor other owners. */
  #makeRoom(wantedId: string, openedFor: string | undefined): void {
    this.#startSweeping();
    if (wantedId === this.#defaultId) return;
    const { maxConnections } = this.#options.limits;
    const others = this.#others;
    const busy = others.filter(isBusy);
    const own = busy.filter((entry) => entry.openedFor === openedFor).length;
    if (openedFor !== undefined && own >= Math.max(2, maxConnections / CONNECTIONS_PER_OWNER)) {
      throw new BrokerError(`Too many broker connections: this key keeps ${own} busy`);
    }
    const size = connectionsOf(others);
    if (size < maxConnections) return;
    const [unused] = others.filter((entry) => !isBusy(entry)).sort((one, other) => one.idleSince - other.idleSince);
    if (unused === undefined) throw new BrokerError(`Too many broker connections: ${size} are busy`);
    this.#close(unused, new BrokerError("Idle"));
  }

  #sweep(): void {
    const { clock, limits: { idleSeconds } } = this.#options;
    const now = clock.monotonic();
    for (const hub of this.#hubs) hub.sweep();
    for (const entry of this.#all) {
      if ("hub" in entry && entry.dedicatedTo !== undefined && !entry.hub.hasSubscribers) {
        this.#close(entry, new BrokerError("Listener left"));
      } else if (isNeeded(entry)) entry.idleSince = now;
      else if (now - entry.idleSince >= idleSeconds * 1000) this.#close(entry, new BrokerError("Idle"));
    }
    if (this.#size > 0 || this.#defaultHub !== undefined) return;
    clearInterval(this.#sweepTimer);
    this.#sweepTimer = undefined;
  }

  async #close(entry: PublishingConnection | SubscribingConnection, reason: BrokerError): Promise<void> {
    if ("hub" in entry) {
      this.#subscribing.delete(entry.id);
      entry.hub.close(reason);
      const { source } = entry;
      const isLeft = this.#closeReason === undefined && !(source instanceof SharedConnection);
      await (isLeft ? source.leave(reason) : source.close(reason));
    } else {
      this.#publishing.delete(entry.id);
      await entry.connection.close(reason);
    }
  }
}

/** Returns the id of the shared connections to one broker under one login. */
function sharedId({ host, port, username, password }: BrokerAddress): string {
  return JSON.stringify([host, port, username, password]);
}

/** Returns the id of an owner's own connection beside a shared one. */
function ownedId(id: string, owner: string): string {
  return `${id} of ${owner}`;
}

/** Returns the most connections that entries of the pool have at a time. */
function connectionsOf(entries: readonly (PublishingConnection | SubscribingConnection)[]): number {
  const of = (entry: PublishingConnection | SubscribingConnection) =>
    !("hub" in entry) || entry.source instanceof SharedConnection ? 1 : CONNECTIONS_PER_SHARED_HUB;
  return entries.reduce((sum, entry) => sum + of(entry), 0);
}

/** Returns whether an entry is not idle. */
function isNeeded(entry: PublishingConnection | SubscribingConnection): boolean {
  if (!("hub" in entry)) return entry.pending > 0;
  const { hub, source } = entry;
  return hub.isInUse || (!(source instanceof SharedConnection) && source.isNeeded);
}

function isBusy(entry: PublishingConnection | SubscribingConnection): boolean {
  return "hub" in entry ? entry.hub.hasSubscribers : entry.pending > 0;
}
