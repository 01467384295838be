/**
 * Passes the messages of one broker connection to any number of subscribers, which can resume without a gap.
 *
 * @module
 */
import { Backoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { TurnBudget } from "../../lib/turn_budget.ts";
import { BrokerError, type BrokerMessage, type FilterRequest, type QoS } from "../broker.ts";
import type { SharedConnection } from "../shared_connection.ts";
import type { EventHistory } from "./history.ts";
import { type ReceivedMessage, receivedMessage, SharedPayloads } from "./received_message.ts";
import { canReplay, canResume, missedMessages, receivedTopics } from "./resume.ts";
import { type EarlyBytes, RetainedDelivery } from "./retained.ts";
import { type Subscriber, SubscriberState } from "./subscriber.ts";
import { byAge, type OwnerState, type Subscription, Subscriptions } from "./subscriptions.ts";

/** Limits of a hub. */
export interface HubLimits {
  /** Time to keep a subscription without subscribers, as they may resume, in seconds. */
  readonly resumeSeconds: number;
  /** Longest time to begin streams without a pause, in milliseconds; 5 by default. */
  readonly turnMs?: number;
}

/** Configuration that all hubs have in common. */
export interface HubConfig {
  /** Assigns positions to messages, and keeps them for replay. */
  readonly history: EventHistory;
  /** Limits of each hub. */
  readonly limits: HubLimits;
  /** Called after each message; the connection reads no further until the promise, if there is one, settles. */
  readonly backpressure: () => Promise<void> | undefined;
  /** Random number from 0 up to but not including 1, for the waits between connection attempts. */
  readonly random: () => number;
  /** Called with errors that only a defect of the gateway can cause. */
  readonly onFault: (error: unknown) => void;
}

/** Connection of a hub, and its configuration. */
export interface HubOptions {
  /** Connection, whose owner calls {@linkcode Hub.receive} and {@linkcode Hub.connectionClosed}. */
  readonly connection: SharedConnection;
  /** Configuration that all hubs have in common. */
  readonly config: HubConfig;
  /** Clock of timestamps and timeouts. */
  readonly clock: Clock;
  /** Called with the owner of each subscriber whose request was pending when the connection closed. */
  readonly onClosedWhileSubscribing?: (owner: string) => void;
}

/** Duration after which a connection resets the backoff, in milliseconds. */
const STABLE_MS = 30_000;

/** Time to collect subscribers for one request, in milliseconds: an app opens several streams at once. */
const BATCH_MS = 5;

/** Subscribers and subscriptions of one broker connection. */
export class Hub {
  readonly #connection: SharedConnection;
  readonly #history: EventHistory;
  readonly #clock: Clock;
  readonly #options: HubOptions;
  readonly #subscriptions = new Subscriptions<SubscriberState>();
  readonly #subscribers = new Set<SubscriberState>();
  /** Subscribers that wait for the next request. */
  readonly #pending = new Set<SubscriberState>();
  /** Subscribers that wait for the next connection attempt. */
  readonly #offline = new Set<SubscriberState>();
  readonly #backoff: Backoff;
  /** Retained messages that the broker may still be sending, with the subscriptions that they are for. */
  readonly #retainedDeliveries = new Map<
    RetainedDelivery<SubscriberState>,
    readonly Subscription<SubscriberState>[]
  >();
  /** Bytes of retained messages that wait for SUBACKs, by owner. */
  readonly #earlyBytes = new Map<string, EarlyBytes>();
  readonly #sharedPayloads = new SharedPayloads();
  /** Stops the timer of the next request. */
  #stopBatch: (() => void) | undefined;
  /** Stops the timer of the next connection attempt. */
  #stopRetry: (() => void) | undefined;
  /** Number of connections that have closed. */
  #closedConnections = 0;
  #grantedAt = 0;

  /** Makes a hub without subscribers. */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#history = options.config.history;
    this.#clock = options.clock;
    this.#backoff = new Backoff(options.config.random);
  }

  /** True if it has subscriptions, including those of subscribers that may resume. */
  get isInUse(): boolean {
    return this.#subscriptions.size > 0;
  }

  /** True if it has subscribers. */
  get hasSubscribers(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Number of filters that are requested from the broker. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Number of subscribers. */
  get subscribers(): number {
    return this.#subscribers.size;
  }

  /**
   * Adds a subscriber.
   *
   * @returns the function that removes it without a call of `ended`
   * @throws {BrokerError} if there are too many filters
   */
  subscribe(subscriber: Subscriber): () => void {
    const { owner, filters, since } = subscriber;
    const state = new SubscriberState(subscriber);
    this.#unsubscribe(this.#subscriptions.makeRoom(owner, filters));
    state.setSubscriptions(this.#subscriptions.add(state, { owner, filters }));
    this.#subscribers.add(state);
    if (since === undefined || !this.#resume(state)) {
      this.#pending.add(state);
      this.#stopBatch ??= this.#clock.after(BATCH_MS, () => this.#requestSubscriptions());
    }
    return () => this.#remove(state);
  }

  /** Passes on a message from the broker; to be called in the broker's order. */
  receive(delivery: BrokerMessage): Promise<void> | undefined {
    const recipients = this.#subscriptions.recipientsOf(delivery);
    // A filter that was just unsubscribed, or a broker that matches differently.
    if (recipients.length === 0) return undefined;
    const history = this.#history;
    const message = receivedMessage(delivery, { position: history.next(), receivedAt: this.#clock.now() });
    if (message.retain) this.#passRetained(this.#sharedPayloads.share(message), recipients);
    else {
      history.append({ message, source: this, subscriptions: delivery.subscriptions });
      this.#passLive(message, recipients);
    }
    return this.#options.config.backpressure();
  }

  /** Handles the end of the connection: reconnects for subscribers with `keep`, and ends the others. */
  connectionClosed(reason: BrokerError): void {
    this.#closedConnections += 1;
    // Connections that close soon after a grant do not reset the backoff.
    if (this.#clock.monotonic() - this.#grantedAt >= STABLE_MS) this.#backoff.reset();
    for (const subscription of this.#subscriptions) {
      subscription.requestedQos = undefined;
      subscription.grantedQos = undefined;
      subscription.retainedDeliveries.clear();
      for (const owner of subscription.owners.values()) {
        owner.activeFrom = undefined;
        owner.grantedQos = undefined;
      }
    }
    for (const delivery of this.#retainedDeliveries.keys()) delivery.discardEarly();
    this.#retainedDeliveries.clear();
    for (const state of [...this.#subscribers].filter(({ isActive }) => isActive)) {
      if (!state.subscriber.keep) this.#end(state, reason);
      else if (state.isActive) {
        state.status = "offline";
        this.#offline.add(state);
        state.subscriber.offline(reason);
      }
    }
    // Idle subscriptions are not requested again.
    this.#subscriptions.expire();
    this.#scheduleReconnect();
  }

  /** Ends subscriptions that have been idle for too long; to be called about every second. */
  sweep(): void {
    const now = this.#clock.monotonic();
    const expired = this.#subscriptions.expire(now - this.#options.config.limits.resumeSeconds * 1000);
    for (const [delivery, subscriptions] of this.#retainedDeliveries) {
      if (!delivery.isSettled(now)) continue;
      for (const subscription of subscriptions) {
        this.#subscriptions.addRetainedWindow(subscription, delivery.owner, delivery.window);
      }
      this.#deleteDelivery(delivery);
    }
    this.#unsubscribe(expired);
  }

  /** Ends all subscribers. */
  close(reason: BrokerError): void {
    this.#stopBatch?.();
    this.#stopRetry?.();
    for (const state of [...this.#subscribers]) this.#end(state, reason);
    this.#subscriptions.expire();
    this.#history.deleteSource(this);
  }

  /** Passes a live message once to each subscriber of its recipients. */
  #passLive(message: ReceivedMessage, recipients: readonly Subscription<SubscriberState>[]): void {
    const { topic, position: { offset } } = message;
    for (const subscription of recipients) {
      subscription.retainedDeliveries.recordLive(topic, offset);
      for (const state of subscription.subscribers) {
        if (state.lastOffset === offset || !state.receivesVia(subscription, topic)) continue;
        state.lastOffset = offset;
        if (state.isActive) state.subscriber.message(message, false);
      }
    }
  }

  /** Passes a retained message to the subscribers of recent requests. */
  #passRetained(message: ReceivedMessage, recipients: readonly Subscription<SubscriberState>[]): void {
    const now = this.#clock.monotonic();
    for (const { retainedDeliveries } of recipients) {
      for (const delivery of retainedDeliveries.unoffered(message.topic)) {
        if (delivery.offer(message, now)) {
          for (const { subscriber } of delivery.subscribers) subscriber.message(message, true);
        } else if (delivery.isOverLimit) {
          for (const state of delivery.subscribers) {
            this.#end(state, new BrokerError("Broker sent too much before its grant"));
          }
          delivery.discardEarly();
          this.#deleteDelivery(delivery);
        }
      }
    }
  }

  /** Requests the filters of all pending and offline subscribers from the broker. */
  async #requestSubscriptions(): Promise<void> {
    this.#stopBatch = undefined;
    const states = [...this.#pending, ...this.#offline];
    /** Those that have not begun: others may be part of a later request already. */
    const waiting = new Set(states);
    this.#pending.clear();
    this.#offline.clear();
    if (states.length === 0) return;
    this.#stopRetry?.();
    this.#stopRetry = undefined;
    // The oldest first: a message that arrives for one of them has then arrived for all older ones too.
    const wanted = [...new Set(states.flatMap(({ subscriptions }) => subscriptions))].sort(byAge);
    const closedConnections = this.#closedConnections;
    let from = 0;
    let isGranted = false;
    let deliveries: readonly RetainedDelivery<SubscriberState>[] = [];
    let requests: readonly FilterRequest[] = [];
    let owners: readonly (readonly [OwnerState, QoS])[] = [];
    try {
      const refused = await this.#connection.use("answer", (open) => {
        // Reserves an offset: a resume from before it has missed everything up to SUBSCRIBE.
        from = this.#history.next().offset;
        const present = states.filter(({ status }) => status !== "removed");
        deliveries = this.#expectRetained(present, from);
        owners = present.flatMap(ownersOf);
        // Never less than before: a subscriber that may resume could need more.
        for (const { subscriptions, subscriber: { qos } } of present) {
          for (const one of subscriptions) if (qos > (one.requestedQos ?? 0)) one.requestedQos = qos;
        }
        requests = wanted.map(({ id, filter, requestedQos = 0 }) => ({ id, filter, qos: requestedQos }));
        return open.subscribe(requests);
      });
      this.#throwIfClosed(closedConnections);
      isGranted = true;
      this.#grantedAt = this.#clock.monotonic();
      const refusedFilters = new Set(refused);
      for (const [index, subscription] of wanted.entries()) {
        if (refusedFilters.has(subscription.filter)) this.#endRefused(subscription);
        // Not the highest of all subscribers: later ones were not part of this request.
        subscription.grantedQos = requests[index]?.qos;
      }
      for (const [owner, qos] of owners) {
        // A later request may have been granted sooner.
        owner.activeFrom = Math.min(owner.activeFrom ?? from, from);
        if (owner.grantedQos === undefined || owner.grantedQos < qos) owner.grantedQos = qos;
      }
      const budget = new TurnBudget(this.#clock, this.#options.config.limits.turnMs);
      for (const delivery of deliveries) {
        const pause = budget.pause();
        // What arrives meanwhile is kept: live messages in the history, retained ones in the delivery.
        if (pause !== undefined) await pause;
        this.#throwIfClosed(closedConnections);
        const starts = [...delivery.subscribers].map((state) => [state, this.#startOf(state, from)] as const);
        const early = delivery.grant(this.#clock.monotonic(), starts.every(([, { isComplete }]) => isComplete));
        for (const [state, start] of starts) {
          waiting.delete(state);
          this.#activate(state, start, early);
        }
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) this.#options.config.onFault(error);
      const reason = error instanceof BrokerError ? error : new BrokerError("Internal error");
      for (const state of waiting) {
        if (state.status === "pending") {
          if (!isGranted && closedConnections !== this.#closedConnections) {
            this.#options.onClosedWhileSubscribing?.(state.subscriber.owner);
          }
          this.#end(state, reason);
        } else if (state.status === "offline") this.#offline.add(state);
      }
      this.#scheduleReconnect();
    }
  }

  /** Prepares for retained messages, which are the same for subscribers of one owner and the same filters. */
  #expectRetained(states: readonly SubscriberState[], from: number): RetainedDelivery<SubscriberState>[] {
    const groups = Map.groupBy(states, (state) => {
      const ids = state.subscriptions.map(({ id }) => id).sort();
      // Subscribers that have a part of the messages are grouped by how far they read.
      const hasPart = this.#receivedTopics(state).length > 0;
      return JSON.stringify([state.subscriber.owner, ids, hasPart ? state.subscriber.since?.offset : undefined]);
    });
    const deliveries = [...groups.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      // A resumed subscriber may leave again during the replay, before the first retained message.
      const offsets = group.map((state) => this.#startOf(state, from).offset);
      const { owner } = first.subscriber;
      const earlyBytes = this.#earlyBytes.get(owner) ?? { bytes: 0 };
      this.#earlyBytes.set(owner, earlyBytes);
      const delivery = new RetainedDelivery<SubscriberState>({
        owner,
        earlyBytes,
        from: Math.min(from, ...offsets),
        received: this.#receivedTopics(first),
      });
      for (const state of group) delivery.subscribers.add(state);
      return delivery;
    });
    // Only after all are made: no subscriber has received anything of the new ones.
    for (const delivery of deliveries) {
      for (const state of delivery.subscribers) {
        state.retainedDelivery = delivery;
        // The same for all of its subscribers.
        this.#retainedDeliveries.set(delivery, state.subscriptions);
      }
      for (const { retainedDeliveries } of this.#retainedDeliveries.get(delivery) ?? []) {
        retainedDeliveries.add(delivery);
      }
    }
    return deliveries;
  }

  #deleteDelivery(delivery: RetainedDelivery<SubscriberState>): void {
    for (const { retainedDeliveries } of this.#retainedDeliveries.get(delivery) ?? []) {
      retainedDeliveries.delete(delivery);
    }
    this.#retainedDeliveries.delete(delivery);
  }

  /** Throws if a connection has closed since there were that many. */
  #throwIfClosed(closedConnections: number): void {
    if (closedConnections !== this.#closedConnections) throw new BrokerError("Broker closed the connection");
  }

  /** Begins a stream without a request to the broker, if it missed nothing that is not kept; returns whether it did. */
  #resume(state: SubscriberState): boolean {
    const start = this.#startOf(state, Infinity);
    const point = { offset: start.offset, now: this.#clock.monotonic() };
    if (!start.isComplete || !canResume(state, point)) return false;
    this.#activate(state, start, []);
    return true;
  }

  /** Returns the topics whose retained message a resumed subscriber has, if it missed nothing since. */
  #receivedTopics(state: SubscriberState): string[] {
    const { isComplete, offset } = this.#startOf(state, -1);
    return isComplete ? receivedTopics(state, { offset, now: this.#clock.monotonic() }) : [];
  }

  /**
   * Returns the point from which a subscriber gets messages.
   *
   * @param from offset of the request to the broker
   */
  #startOf(state: SubscriberState, from: number): StartPoint {
    const history = this.#history;
    const { since } = state.subscriber;
    const isReconnecting = state.status === "offline";
    const isKnown = !isReconnecting && since !== undefined && history.includes(since);
    const offset = isKnown ? since.offset : from;
    const isComplete = !isReconnecting && (since === undefined || isKnown) &&
      canReplay(state, { history, source: this, offset });
    return { offset, isComplete };
  }

  #unsubscribe(subscriptions: readonly Subscription<SubscriberState>[]): void {
    if (subscriptions.length === 0 || !this.#connection.isOpen) return;
    const filters = subscriptions.map(({ filter }) => filter);
    // A failure closes the connection, and with it the subscription.
    this.#connection.use("end the subscription", (open) => open.unsubscribe(filters)).catch(() => {});
  }

  #endRefused(subscription: Subscription<SubscriberState>): void {
    const reason = new BrokerError(`Broker refused the subscription to ${subscription.filter}`);
    for (const state of subscription.subscribers) this.#end(state, reason);
    this.#subscriptions.delete(subscription);
  }

  /**
   * Starts to pass messages to a subscriber, after those that it missed. Synchronous, so that no message arrives in
   * between.
   *
   * @param early retained messages that arrived before the SUBACK
   */
  #activate(state: SubscriberState, { offset, isComplete }: StartPoint, early: readonly ReceivedMessage[]): void {
    // Another subscriber's callback may have removed it.
    if (state.status === "removed") return;
    const { subscriber } = state;
    const isReconnecting = state.status === "offline";
    const position = { ...this.#history.position, offset };
    state.status = "active";
    if (isReconnecting) subscriber.online();
    else subscriber.connected(isComplete ? position : undefined);
    if (!isComplete && state.isActive) subscriber.gap(position);
    const kept = this.#history.after(offset, { source: this, filters: subscriber.filters });
    const missed = [...missedMessages(state, kept), ...early];
    if (early.length > 0) missed.sort((one, other) => one.position.offset - other.position.offset);
    for (const message of missed) if (state.isActive) subscriber.message(message, true);
  }

  /** Sets the timer of the next connection attempt, if any subscriber waits for it. */
  #scheduleReconnect(): void {
    if (this.#offline.size === 0 || this.#stopRetry !== undefined) return;
    this.#stopRetry = this.#clock.after(this.#backoff.next(), () => {
      this.#stopRetry = undefined;
      this.#requestSubscriptions();
    });
  }

  #end(state: SubscriberState, reason: BrokerError): void {
    // Another subscriber's callback may have removed it.
    if (state.status === "removed") return;
    this.#remove(state);
    state.subscriber.ended(reason);
  }

  #remove(state: SubscriberState): void {
    state.status = "removed";
    this.#pending.delete(state);
    this.#offline.delete(state);
    this.#subscribers.delete(state);
    state.retainedDelivery?.subscribers.delete(state);
    const deleted: Subscription<SubscriberState>[] = [];
    const options = { owner: state.subscriber.owner, now: this.#clock.monotonic() };
    for (const subscription of state.subscriptions) {
      const overLimit = this.#subscriptions.remove(subscription, state, options);
      if (overLimit !== undefined) deleted.push(overLimit);
    }
    this.#unsubscribe(deleted);
  }
}

/** Point from which a subscriber gets messages. */
interface StartPoint {
  /** Offset after which it gets all messages that are kept. */
  readonly offset: number;
  /** True if all of them are kept. */
  readonly isComplete: boolean;
}

/** Returns the state of a subscriber's owner in each subscription, with the quality of service that it requests. */
function ownersOf({ subscriptions, subscriber: { owner, qos } }: SubscriberState): (readonly [OwnerState, QoS])[] {
  return subscriptions.map(({ owners }) => owners.get(owner)).filter((state) => state !== undefined).map((state) =>
    [state, qos] as const
  );
}
