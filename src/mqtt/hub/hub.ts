/**
 * Hands the messages of one broker connection out to any number of listeners, and lets them come back without a gap.
 *
 * @module
 */
import { Backoff } from "../../lib/backoff.ts";
import { BrokerError, type BrokerMessage, type FilterRequest, type QoS } from "../broker.ts";
import { canReplay, canResume, missedMessages, receivedTopics } from "./catch_up.ts";
import type { Subscriber } from "./subscriber.ts";
import { highestQos, SubscriberState } from "./member.ts";
import type { MemoryHistory } from "./memory_history.ts";
import { type ReceivedMessage, receivedMessage } from "./received_message.ts";
import { SharedPayloads } from "./shared_payloads.ts";
import type { SharedConnection } from "../shared_connection.ts";
import { type EarlyBytes, RetainedDelivery } from "./retained.ts";
import { byAge, type OwnerState, type Subscription, Subscriptions } from "./subscriptions.ts";

/** What a hub needs. */
export interface HubOptions {
  /** The connection, whose messages and end have to be told to the hub. */
  readonly connection: SharedConnection;
  /** Where messages get their positions, and are kept. */
  readonly history: MemoryHistory;
  /** How long to go on subscribing for listeners that may come back, in milliseconds. */
  readonly resumeMs: number;
  /** Asked after each message: the broker is held back until the promise, if there is one, settles. */
  readonly backpressure: () => Promise<void> | undefined;
  /** Draws from 0 up to but not including 1, for the waits between tries to reach a broker that was lost. */
  readonly random: () => number;
  /** Told of what should never happen. */
  readonly onFault: (error: unknown) => void;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /** Called with the owner of a listener whose subscription was under way when the broker hung up. */
  readonly onClosedWhileSubscribing?: (owner: string) => void;
}

/** A connection that lasted so long was a good one, in milliseconds: the wait after it is short again. */
const STEADY_MS = 30_000;

/** How long to gather listeners before the broker is asked, in milliseconds: an app opens several streams at once. */
const GATHER_MS = 5;

/** The hub of one broker connection. */
export class Hub {
  readonly #options: HubOptions;
  readonly #subscriptions = new Subscriptions<SubscriberState>();
  readonly #joining = new Set<SubscriberState>();
  /** Those that wait for the next try to reach the broker. */
  readonly #away = new Set<SubscriberState>();
  readonly #backoff: Backoff;
  /** Bytes of retained messages that wait for a grant, by owner. */
  readonly #early = new Map<string, EarlyBytes>();
  readonly #retained = new SharedPayloads();
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #losses = 0;
  #grantedAt = 0;

  /** Makes a hub that nobody listens to. */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  /** Whether it asks the broker for anything, also on behalf of listeners that may come back. */
  get isInUse(): boolean {
    return this.#subscriptions.size > 0;
  }

  /** Whether somebody listens now. */
  get hasSubscribers(): boolean {
    return [...this.#subscriptions].some(({ subscribers }) => subscribers.size > 0);
  }

  /** How many filters it asks the broker for. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** How many listen. */
  get subscribers(): number {
    return this.#everybody().size;
  }

  /**
   * Adds a listener.
   *
   * @returns the function that takes it away again; the listener is not told
   * @throws {BrokerError} if there are too many filters
   */
  subscribe(listener: Subscriber): () => void {
    const { owner, filters, since } = listener;
    const member = new SubscriberState(listener);
    this.#unsubscribe(this.#subscriptions.makeRoom(owner, filters));
    member.setSubscriptions(this.#subscriptions.add(member, { owner, filters }));
    const { isWhole, offset } = this.#beginning(member, Infinity);
    if (since !== undefined && isWhole && canResume(member, { offset, now: this.#options.monotonic() })) {
      this.#admit(member, { isWhole, offset }, []);
    } else {
      this.#joining.add(member);
      this.#gathering ??= setTimeout(() => this.#subscribe(), GATHER_MS);
    }
    return () => this.#remove(member);
  }

  /** Takes a message from the broker; to be called in the broker's order. */
  receive(delivery: BrokerMessage): Promise<void> | undefined {
    const meant = this.#subscriptions.recipientsOf(delivery);
    // A filter that was just given up, or a broker with ideas of its own.
    if (meant.length === 0) return undefined;
    const { history, backpressure, now } = this.#options;
    const message = receivedMessage(delivery, { position: history.next(), receivedAt: now() });
    if (message.retain) this.#passRetained(this.#retained.share(message), meant);
    else {
      history.append({ message, source: this, subscriptions: delivery.subscriptions });
      this.#pass(message, meant);
    }
    return backpressure();
  }

  /** Notes that the connection has ended. Those that stay wait for it to come back; the others are told the end. */
  connectionClosed(reason: BrokerError): void {
    this.#losses += 1;
    // One that hangs up again and again is not asked in haste.
    if (this.#options.monotonic() - this.#grantedAt >= STEADY_MS) this.#backoff.reset();
    for (const subscription of this.#subscriptions) {
      subscription.activeFrom = undefined;
      subscription.grantedQos = undefined;
      for (const snapshot of subscription.retainedDeliveries) snapshot.discardEarly();
      subscription.retainedDeliveries.clear();
      for (const hold of subscription.owners.values()) {
        hold.activeFrom = undefined;
        hold.grantedQos = undefined;
      }
    }
    for (const member of this.#members("listening")) {
      if (!member.subscriber.keep) this.#end(member, reason);
      else if (member.isActive) {
        member.status = "away";
        this.#away.add(member);
        member.subscriber.offline(reason);
      }
    }
    // What nobody waits for need not be asked for again.
    this.#subscriptions.expire();
    this.#comeBack();
  }

  /** Gives up what nobody has listened to for long; to be called every second or so. */
  sweep(): void {
    const { resumeMs, monotonic } = this.#options;
    const now = monotonic();
    const given = this.#subscriptions.expire(now - resumeMs);
    for (const subscription of this.#subscriptions) {
      for (const snapshot of subscription.retainedDeliveries) {
        if (!snapshot.isSettled(now)) continue;
        subscription.retainedDeliveries.delete(snapshot);
        this.#subscriptions.addRetainedWindow(subscription, snapshot.owner, snapshot.window);
      }
    }
    this.#unsubscribe(given);
  }

  /** Ends all listeners. */
  close(reason: BrokerError): void {
    clearTimeout(this.#gathering);
    clearTimeout(this.#retry);
    for (const state of ["joining", "listening", "away"] as const) {
      for (const member of this.#members(state)) this.#end(member, reason);
    }
    this.#subscriptions.expire();
    this.#options.history.forget(this);
  }

  /** Hands a message to all listeners of the subscriptions that this delivery is for, each of them once. */
  #pass(message: ReceivedMessage, meant: readonly Subscription<SubscriberState>[]): void {
    const { topic, position: { offset } } = message;
    for (const subscription of meant) {
      for (const snapshot of subscription.retainedDeliveries) snapshot.noteLive(topic, offset);
      for (const member of subscription.subscribers) {
        if (member.lastOffset === offset || !member.receivesVia(subscription, topic)) continue;
        member.lastOffset = offset;
        if (member.isActive) member.subscriber.message(message, false);
      }
    }
  }

  /** Hands a retained message to those who subscribed of late. */
  #passRetained(message: ReceivedMessage, meant: readonly Subscription<SubscriberState>[]): void {
    const now = this.#options.monotonic();
    for (const subscription of meant) {
      for (const snapshot of subscription.retainedDeliveries) {
        if (snapshot.offer(message, now)) {
          for (const member of snapshot.subscribers) member.subscriber.message(message, true);
        } else if (snapshot.isOverLimit) {
          for (const member of snapshot.subscribers) {
            this.#end(member, new BrokerError("Broker sent too much before its grant"));
          }
          snapshot.discardEarly();
          subscription.retainedDeliveries.delete(snapshot);
        }
      }
    }
  }

  /** Asks the broker for the filters of all that wait for it. */
  async #subscribe(): Promise<void> {
    this.#gathering = undefined;
    const { connection, history, monotonic } = this.#options;
    const members = [...this.#joining, ...this.#away];
    this.#joining.clear();
    this.#away.clear();
    if (members.length === 0) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    // The oldest first: what comes for one of them has then come for all older ones too.
    const wanted = [...new Set(members.flatMap(({ subscriptions }) => subscriptions))].sort(byAge);
    const losses = this.#losses;
    let from = 0;
    let snapshots: readonly RetainedDelivery<SubscriberState>[] = [];
    let asked: readonly FilterRequest[] = [];
    let holds: readonly (readonly [OwnerState, QoS])[] = [];
    try {
      const refused = await connection.use("answer", (open) => {
        // A place of its own: who comes back with an older one has missed what came before the broker was asked.
        from = history.next().offset;
        const present = members.filter(({ status }) => status !== "gone");
        snapshots = this.#expectRetained(present, from);
        holds = present.flatMap(holdsOf);
        // Never less than before: who is away for a moment may want more.
        asked = wanted.map(({ id, filter, subscribers, grantedQos = 0 }) => {
          const highest = highestQos(subscribers);
          return { id, filter, qos: highest > grantedQos ? highest : grantedQos };
        });
        return open.subscribe(asked);
      });
      if (losses !== this.#losses) throw new BrokerError("Broker closed the connection");
      this.#grantedAt = monotonic();
      for (const [index, subscription] of wanted.entries()) {
        if (refused.includes(subscription.filter)) this.#refused(subscription);
        // A later request may have been granted sooner.
        subscription.activeFrom = Math.min(subscription.activeFrom ?? from, from);
        // Others, who want more, may have come since.
        subscription.grantedQos = asked[index]?.qos;
      }
      for (const [hold, qos] of holds) {
        hold.activeFrom = Math.min(hold.activeFrom ?? from, from);
        if (hold.grantedQos === undefined || hold.grantedQos < qos) hold.grantedQos = qos;
      }
      for (const snapshot of snapshots) {
        const beginnings = [...snapshot.subscribers].map((member) => [member, this.#beginning(member, from)] as const);
        const early = snapshot.grant(monotonic(), beginnings.every(([, { isWhole }]) => isWhole));
        for (const [member, beginning] of beginnings) this.#admit(member, beginning, early);
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) this.#options.onFault(error);
      const reason = error instanceof BrokerError ? error : new BrokerError("Internal error");
      for (const member of members) {
        if (member.status === "joining") {
          if (losses !== this.#losses) this.#options.onClosedWhileSubscribing?.(member.subscriber.owner);
          this.#end(member, reason);
        } else if (member.status === "away") this.#away.add(member);
      }
      this.#comeBack();
    }
  }

  /** Notes that retained messages will come: listeners of one owner and the same filters get the same of them. */
  #expectRetained(members: readonly SubscriberState[], from: number): RetainedDelivery<SubscriberState>[] {
    const groups = Map.groupBy(members, (member) => {
      const filters = member.subscriptions.map(({ id }) => id).sort();
      // Those that have a part of them already are apart by how far they read.
      const isAmid = this.#received(member).length > 0;
      return JSON.stringify([member.subscriber.owner, filters, isAmid ? member.subscriber.since?.offset : undefined]);
    });
    const snapshots = [...groups.values()].map((group) => {
      const [first] = group;
      // Whoever goes on from an older place may leave again amid what was missed, before the first retained message.
      const limiters = group.map((member) => this.#beginning(member, from).offset);
      const owner = first?.subscriber.owner ?? "";
      const early = this.#early.get(owner) ?? { bytes: 0 };
      this.#early.set(owner, early);
      const snapshot = new RetainedDelivery<SubscriberState>({
        owner,
        earlyBytes: early,
        from: Math.min(from, ...limiters),
        received: first === undefined ? [] : this.#received(first),
      });
      for (const member of group) snapshot.subscribers.add(member);
      return snapshot;
    });
    // Not before all are made: no listener has got anything of the new ones.
    for (const snapshot of snapshots) {
      for (const { subscriptions } of snapshot.subscribers) {
        for (const each of subscriptions) each.retainedDeliveries.add(snapshot);
      }
    }
    return snapshots;
  }

  /** The topics of which a listener that comes back has the retained message, if it has missed nothing since. */
  #received(member: SubscriberState): string[] {
    const { isWhole, offset } = this.#beginning(member, -1);
    return isWhole ? receivedTopics(member, { offset, now: this.#options.monotonic() }) : [];
  }

  /**
   * Finds from where on a listener hears, and whether it has missed nothing before.
   *
   * @param from the offset at which the broker was asked
   */
  #beginning(member: SubscriberState, from: number): Beginning {
    const { history } = this.#options;
    const { since } = member.subscriber;
    const isBack = member.status === "away";
    const isKnown = !isBack && since !== undefined && history.knows(since);
    const offset = isKnown ? since.offset : from;
    const isWhole = !isBack && (since === undefined || isKnown) && canReplay(member, { history, source: this, offset });
    return { offset, isWhole };
  }

  #unsubscribe(given: readonly Subscription<SubscriberState>[]): void {
    const { connection } = this.#options;
    if (given.length === 0 || !connection.isOpen) return;
    const filters = given.map(({ filter }) => filter);
    // If it fails, the connection is lost, and with it the subscription.
    connection.use("end the subscription", (open) => open.unsubscribe(filters)).catch(() => {});
  }

  #refused(subscription: Subscription<SubscriberState>): void {
    const reason = new BrokerError(`Broker refused the subscription to ${subscription.filter}`);
    for (const member of subscription.subscribers) this.#end(member, reason);
    this.#subscriptions.delete(subscription);
  }

  /**
   * Lets a listener hear: first what it missed, from here on what comes. Nothing may come in between, so nothing here
   * waits.
   *
   * @param early what the broker sent of retained messages ahead of its grant
   */
  #admit(member: SubscriberState, { offset, isWhole }: Beginning, early: readonly ReceivedMessage[]): void {
    // Another one may have made it leave.
    if (member.status === "gone") return;
    const { subscriber } = member;
    const { history } = this.#options;
    const isBack = member.status === "away";
    const position = { ...history.position, offset };
    member.status = "listening";
    if (isBack) subscriber.online();
    else subscriber.connected(isWhole ? position : undefined);
    if (!isWhole && member.isActive) subscriber.gap(position);
    const missed = [...missedMessages(member, history.after(offset, this)), ...early];
    if (early.length > 0) missed.sort((one, other) => one.position.offset - other.position.offset);
    for (const message of missed) if (member.isActive) subscriber.message(message, true);
  }

  /** Tries again later to reach a broker that somebody waits for. */
  #comeBack(): void {
    if (this.#away.size === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#subscribe();
    }, this.#backoff.next());
  }

  #end(member: SubscriberState, reason: BrokerError): void {
    // Whoever was told before may have made it leave.
    if (member.status === "gone") return;
    this.#remove(member);
    member.subscriber.ended(reason);
  }

  #remove(member: SubscriberState): void {
    member.status = "gone";
    this.#joining.delete(member);
    this.#away.delete(member);
    const given: Subscription<SubscriberState>[] = [];
    for (const subscription of member.subscriptions) {
      for (const { subscribers } of subscription.retainedDeliveries) subscribers.delete(member);
      const left = { owner: member.subscriber.owner, now: this.#options.monotonic() };
      const tooMuch = this.#subscriptions.remove(subscription, member, left);
      if (tooMuch !== undefined) given.push(tooMuch);
    }
    this.#unsubscribe(given);
  }

  #members(state: SubscriberState["status"]): SubscriberState[] {
    return [...this.#everybody()].filter((member) => member.status === state);
  }

  #everybody(): Set<SubscriberState> {
    return new Set([...this.#subscriptions].flatMap(({ subscribers }) => [...subscribers]));
  }
}

/** From where on a listener hears. */
interface Beginning {
  /** All messages after this offset follow, as far as they are kept. */
  readonly offset: number;
  /** Whether all of them are. */
  readonly isWhole: boolean;
}

/** What a listener's owner holds of each of its subscriptions, and the quality of service that was asked for. */
function holdsOf({ subscriptions, subscriber: { owner, qos } }: SubscriberState): (readonly [OwnerState, QoS])[] {
  return subscriptions.map(({ owners }) => owners.get(owner)).filter((hold) => hold !== undefined).map((hold) =>
    [hold, qos] as const
  );
}
