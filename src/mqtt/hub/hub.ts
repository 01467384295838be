/**
 * Passes the messages of one broker connection to any number of subscribers, which can resume without a gap.
 *
 * @module
 */
import type { Clock } from "../../lib/clock.ts";
import { ReconnectBackoff } from "../../lib/reconnect_backoff.ts";
import { TurnBudget } from "../../lib/turn_budget.ts";
import type { Position } from "../../protocol/event.ts";
import { BrokerError, BrokerLoginError, type BrokerMessage, type FilterRequest, type QoS } from "../broker.ts";
import type { EventHistory } from "./history.ts";
import { type ReceivedMessage, receivedMessage } from "./received_message.ts";
import { ownersOf, requestsOf } from "./requests.ts";
import { canResume, missedMessages, receivedTopics, type StartPoint, startPoint } from "./resume.ts";
import type { RetainedDelivery } from "./retained.ts";
import { RetainedDeliveries } from "./retained_deliveries.ts";
import { requestedOwners, restoreOwner, settledRetained } from "./shared_owners.ts";
import type { HubSource, OwnersOf } from "./source.ts";
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

/** Source of a hub, and its configuration. */
export interface HubOptions {
  /** Source, whose owner calls {@linkcode Hub.receive} and {@linkcode Hub.connectionClosed}. */
  readonly source: HubSource;
  /** Configuration that all hubs have in common. */
  readonly config: HubConfig;
  /** Clock of timestamps and timeouts. */
  readonly clock: Clock;
  /** Called with the owner of each subscriber whose request was pending when the connection closed. */
  readonly onClosedWhileSubscribing?: (owner: string) => void;
}

/** Time to collect subscribers for one request, in milliseconds: an app opens several streams at once. */
const BATCH_MS = 5;

/** Subscribers and subscriptions of one source. */
export class Hub {
  readonly #source: HubSource;
  readonly #history: EventHistory;
  readonly #clock: Clock;
  readonly #options: HubOptions;
  readonly #subscriptions = new Subscriptions<SubscriberState>();
  readonly #subscribers = new Set<SubscriberState>();
  /** Subscribers that wait for the next request. */
  readonly #pending = new Set<SubscriberState>();
  /** Subscribers that wait for the next connection attempt. */
  readonly #offline = new Set<SubscriberState>();
  /** Subscribers of requests that the broker is yet to be asked for: they get all retained messages of then. */
  readonly #unsent = new Set<SubscriberState>();
  /** Subscribers that get all retained messages again with the next request. */
  readonly #outdated = new Set<SubscriberState>();
  readonly #backoff: ReconnectBackoff;
  readonly #retained = new RetainedDeliveries();
  /** Stops the timer of the next request. */
  #stopBatch: (() => void) | undefined;
  /** Stops the timer of the next connection attempt. */
  #stopRetry: (() => void) | undefined;
  /** Number of connections that have closed. */
  #closedConnections = 0;
  /** Time of the last grant on the current connection, in milliseconds. */
  #grantedAt: number | undefined;
  readonly #ownersOf: OwnersOf = (filter) => this.#subscriptions.ownersOf(filter);

  /** Makes a hub without subscribers. */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#history = options.config.history;
    this.#clock = options.clock;
    this.#backoff = new ReconnectBackoff(options.config.random);
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
    const { restore } = this.#source;
    const state = new SubscriberState(subscriber);
    this.#unsubscribe(this.#subscriptions.makeRoom(owner, filters));
    state.setSubscriptions(this.#subscriptions.add(state, { owner, filters }));
    this.#subscribers.add(state);
    if (since !== undefined && restore !== undefined) this.#restore(state, since);
    else if (since === undefined || !this.#resume(state)) this.#request(state);
    return () => this.#remove(state);
  }

  /** Passes on a message from the broker; to be called in the broker's order. */
  receive(delivery: BrokerMessage): Promise<void> | undefined {
    const recipients = this.#subscriptions.recipientsOf(delivery);
    // A filter that was just unsubscribed, or a broker that matches differently.
    if (recipients.length === 0) return undefined;
    const history = this.#history;
    const message = receivedMessage(delivery, { position: history.next(), receivedAt: this.#clock.now() });
    if (message.retain) {
      for (const state of this.#retained.pass(message, recipients, this.#clock.monotonic()) ?? []) {
        this.#end(state, new BrokerError("Broker sent too much before its grant"));
      }
    } else {
      history.append({ message, source: this, subscriptions: delivery.subscriptions });
      this.#passLive(message, recipients);
    }
    return this.#options.config.backpressure();
  }

  /**
   * Passes on a live message of a log, and keeps it also for subscribers that come from another replica.
   *
   * @param place its position in the log, and the time of its arrival in milliseconds since 1970
   */
  receiveLogged(
    delivery: BrokerMessage,
    place: Pick<ReceivedMessage, "position" | "receivedAt">,
  ): Promise<void> | undefined {
    const message = receivedMessage(delivery, place);
    this.#history.append({ message, source: this, subscriptions: undefined });
    const recipients = this.#subscriptions.recipientsOf(message);
    for (const { retainedDeliveries } of recipients) retainedDeliveries.recordEarly(message.topic);
    this.#passLive(message, recipients);
    return this.#options.config.backpressure();
  }

  /** Handles that the log's writer cannot reach the broker: tells subscribers with `keep`, and ends the others. */
  writerOffline(reason: BrokerError): void {
    for (const state of [...this.#subscribers].filter(({ isActive }) => isActive)) {
      if (!state.subscriber.keep) this.#end(state, reason);
      else if (state.isActive && !state.isWriterOffline) {
        state.isWriterOffline = true;
        state.subscriber.offline(reason);
      }
    }
  }

  /** Tells all subscribers that messages of a log before a position may be missing; those that are kept can be replayed. */
  gapInLog(position: Position): void {
    this.#forgetRetained();
    for (const state of [...this.#subscribers]) {
      if (state.isActive && state.isWriterOffline) state.subscriber.online();
      state.isWriterOffline = false;
      if (state.isActive) state.subscriber.gap(position);
    }
  }

  /** Requests the retained messages of all subscribers again, as some may have changed during a gap. */
  requestRetained(): void {
    this.#forgetRetained();
    for (const state of this.#subscribers) this.#outdate(state);
  }

  /** Begins anew after a log that begins anew. */
  restartLog(position: Position): void {
    this.#closedConnections += 1;
    this.#retained.clear();
    this.#forgetGrants();
    for (const subscription of this.#subscriptions) {
      for (const owner of subscription.owners.values()) owner.retainedWindows.length = 0;
    }
    for (const state of this.#subscribers) state.lastOffset = 0;
    this.gapInLog(position);
    this.requestRetained();
    // Idle subscriptions are not requested again.
    this.#subscriptions.expire();
  }

  /** Handles the end of the connection for retained messages of a log's subscribers, which are requested again. */
  retainedConnectionClosed(): void {
    this.#countClosed();
    const from = this.#history.position.offset;
    for (const state of this.#retained.clear()) {
      if (!state.isActive) continue;
      for (const { owners } of state.subscriptions) {
        const owner = owners.get(state.subscriber.owner);
        if (owner !== undefined) owner.unknownRetained = { from, last: Infinity };
      }
      this.#outdated.add(state);
    }
    this.#scheduleReconnect();
  }

  /** Handles the end of the connection: reconnects for subscribers with `keep`, and ends the others. */
  connectionClosed(reason: BrokerError): void {
    this.#countClosed();
    this.#retained.clear();
    this.#forgetGrants();
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
    const settled = this.#retained.takeSettled(now);
    for (const [delivery, subscriptions] of settled) {
      for (const subscription of subscriptions) this.#subscriptions.addRetainedWindow(subscription, delivery);
    }
    this.#unsubscribe(expired);
    const { settled: report, sweep } = this.#source;
    if (report !== undefined && settled.length > 0) {
      report.call(
        this.#source,
        settledRetained(settled, (one) => this.#subscriptions.includes(one)),
      );
    }
    sweep?.call(this.#source, this.#ownersOf);
  }

  /** Ends all subscribers. */
  close(reason: BrokerError): void {
    this.#stopBatch?.();
    this.#stopRetry?.();
    for (const state of [...this.#subscribers]) this.#end(state, reason);
    this.#subscriptions.expire();
    this.#history.deleteSource(this);
  }

  #countClosed(): void {
    this.#closedConnections += 1;
    const now = this.#clock.monotonic();
    this.#backoff.connectionEnded(now - (this.#grantedAt ?? now));
    this.#grantedAt = undefined;
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

  /** Forgets that owners have all retained messages. */
  #forgetRetained(): void {
    const from = this.#history.position.offset;
    for (const { owners } of this.#subscriptions) {
      for (const owner of owners.values()) owner.unknownRetained = { from, last: Infinity };
    }
  }

  /** Forgets what the broker granted. */
  #forgetGrants(): void {
    for (const subscription of this.#subscriptions) {
      subscription.requestedQos = undefined;
      subscription.grantedQos = undefined;
      for (const owner of subscription.owners.values()) {
        owner.activeFrom = undefined;
        owner.grantedQos = undefined;
      }
    }
  }

  /** Makes a subscriber part of the next request. */
  #request(state: SubscriberState): void {
    // It gets all retained messages of then: not again, if they were to be requested while it was restored.
    this.#outdated.delete(state);
    this.#pending.add(state);
    this.#startBatch();
  }

  /** Makes a subscriber part of the next request but those that are under way, for the retained messages. */
  #outdate(state: SubscriberState): void {
    if (state.status === "removed" || this.#pending.has(state) || this.#unsent.has(state)) return;
    this.#outdated.add(state);
    this.#startBatch();
  }

  #startBatch(): void {
    this.#stopBatch ??= this.#clock.after(BATCH_MS, () => this.#requestSubscriptions());
  }

  /** Requests the filters of all pending, offline and outdated subscribers. */
  async #requestSubscriptions(): Promise<void> {
    this.#stopBatch = undefined;
    const outdated = [...this.#outdated].filter(({ isActive }) => isActive);
    const states = [...this.#pending, ...this.#offline, ...outdated];
    /** Those that have not begun: others may be part of a later request already. */
    const waiting = new Set(states);
    this.#pending.clear();
    this.#offline.clear();
    for (const state of outdated) this.#outdated.delete(state);
    if (states.length === 0) return;
    this.#stopRetry?.();
    this.#stopRetry = undefined;
    // The oldest first: a message that arrives for one of them has then arrived for all older ones too.
    const wanted = [...new Set(states.flatMap(({ subscriptions }) => subscriptions))].sort(byAge);
    const closedConnections = this.#closedConnections;
    for (const state of states) this.#unsent.add(state);
    let from = 0;
    let isGranted = false;
    let deliveries: readonly RetainedDelivery<SubscriberState>[] = [];
    let requests: readonly FilterRequest[] = [];
    let owners: readonly (readonly [OwnerState, QoS])[] = [];
    try {
      const refused = await this.#source.request(requestsOf(wanted, states), () => {
        // Reserves an offset: a resume from before it has missed everything up to SUBSCRIBE.
        from = this.#history.next().offset;
        for (const state of states) this.#unsent.delete(state);
        const present = states.filter(({ status }) => status !== "removed");
        deliveries = this.#expectRetained(present, from);
        owners = present.flatMap(ownersOf);
        // Never less than before: a subscriber that may resume could need more.
        for (const { subscriptions, subscriber: { qos } } of present) {
          for (const one of subscriptions) if (qos > (one.requestedQos ?? 0)) one.requestedQos = qos;
        }
        requests = wanted.map(({ id, filter, requestedQos = 0 }) => ({ id, filter, qos: requestedQos }));
        return { filters: requests, owners: () => present.flatMap((state) => requestedOwners(state, from)) };
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
      for (const state of outdated) waiting.delete(state);
      for (const delivery of deliveries) {
        if (delivery.isGranted) continue;
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
      if (this.#outdated.size > 0) this.#startBatch();
    } catch (error) {
      for (const state of states) this.#unsent.delete(state);
      const reason = this.#reasonOf(error);
      for (const state of waiting) {
        if (state.status === "pending") {
          if (!isGranted && closedConnections !== this.#closedConnections) {
            this.#options.onClosedWhileSubscribing?.(state.subscriber.owner);
          }
          this.#end(state, reason);
        } else if (state.status === "offline") this.#offline.add(state);
        else if (state.isActive) this.#outdated.add(state);
      }
      this.#retained.delete(deliveries);
      if (error instanceof BrokerLoginError) this.#backoff.connectionEnded(0);
      this.#scheduleReconnect();
    }
  }

  /**
   * Prepares for retained messages.
   *
   * @param from offset of the request
   */
  #expectRetained(states: readonly SubscriberState[], from: number): RetainedDelivery<SubscriberState>[] {
    const recipients = states.map((state) => ({
      state,
      offset: this.#startOf(state, from).offset,
      received: this.#receivedTopics(state),
    }));
    const deliveries = this.#retained.expect(recipients, from);
    for (const delivery of deliveries) {
      const [first] = delivery.subscribers;
      // They wait for no grant, and what they get must come in the order of positions.
      if (first?.isActive) delivery.grant(this.#clock.monotonic(), true);
    }
    return deliveries;
  }

  /** Throws if a connection has closed since there were that many. */
  #throwIfClosed(closedConnections: number): void {
    if (closedConnections !== this.#closedConnections) throw new BrokerError("Broker closed the connection");
  }

  /** Returns what subscribers are told of an error; reports one that only a defect can cause. */
  #reasonOf(error: unknown): BrokerError {
    if (error instanceof BrokerError) return error;
    this.#options.config.onFault(error);
    return new BrokerError("Internal error");
  }

  /** Begins a stream with what other replicas know of it. */
  async #restore(state: SubscriberState, since: Position): Promise<void> {
    const { owner } = state.subscriber;
    try {
      const wanted = requestsOf(state.subscriptions, [state]);
      for (const restored of await this.#source.restore?.(wanted, { owner, since }) ?? []) {
        const subscription = state.subscriptions.find(({ filter }) => filter === restored.filter);
        if (subscription === undefined || state.status === "removed") continue;
        restoreOwner(subscription, owner, { ...restored, at: this.#history.position.offset });
      }
      if (state.status !== "removed" && !this.#resume(state)) this.#request(state);
    } catch (error) {
      this.#end(state, this.#reasonOf(error));
    }
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
    if (state.isActive) return [];
    const { isComplete, offset } = this.#startOf(state, -1);
    return isComplete ? receivedTopics(state, { offset, now: this.#clock.monotonic() }) : [];
  }

  /** Returns the point from which a subscriber gets messages; `from` is the offset of the request to the broker. */
  #startOf(state: SubscriberState, from: number): StartPoint {
    return startPoint(state, { history: this.#history, source: this, from });
  }

  #unsubscribe(subscriptions: readonly Subscription<SubscriberState>[]): void {
    if (subscriptions.length > 0) this.#source.release(subscriptions.map(({ filter }) => filter));
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
  #activate(state: SubscriberState, { offset, told, isComplete }: StartPoint, early: readonly ReceivedMessage[]): void {
    // Another subscriber's callback may have removed it.
    if (state.status === "removed") return;
    const { subscriber } = state;
    const isReconnecting = state.status === "offline";
    const position = { ...this.#history.position, offset: told };
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
    if (this.#offline.size + this.#outdated.size === 0 || this.#stopRetry !== undefined) return;
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
    this.#unsent.delete(state);
    this.#offline.delete(state);
    this.#outdated.delete(state);
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
