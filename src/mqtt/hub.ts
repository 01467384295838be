/**
 * Hands the messages of one broker connection out to any number of listeners, and lets them come back without a gap.
 *
 * @module
 */
import { Backoff } from "../protocol/backoff.ts";
import type { Position } from "../protocol/event.ts";
import { BrokerError, type BrokerMessage, type FilterRequest, type QoS } from "./broker.ts";
import type { MessageLog, ReceivedMessage } from "./message_log.ts";
import type { SharedConnection } from "./shared_connection.ts";
import { Snapshot } from "./snapshot.ts";
import { byAge, type Subscription, Subscriptions } from "./subscription.ts";

/** Somebody who wants the messages that match some filters. Its functions must not throw. */
export interface Listener {
  /** At least one filter, each of them once. */
  readonly filters: readonly string[];
  /** Highest quality of service to ask the broker for. */
  readonly qos: QoS;
  /** Whether to stay while the broker is away. */
  readonly keep: boolean;
  /** The position of the last message that it got before, to go on after it. */
  readonly since: Position | undefined;
  /**
   * The broker has granted the subscriptions. Comes first, and once.
   *
   * @param position all messages after it follow; undefined where something may be missing, as a gap tells at once
   */
  connected(position: Position | undefined): void;
  /**
   * Something may be missing.
   *
   * @param position all messages after it follow
   */
  gap(position: Position): void;
  /**
   * A message.
   *
   * @param isBacklog whether it is of those that come all at once when one begins to listen
   */
  message(message: ReceivedMessage, isBacklog: boolean): void;
  /** The broker is away; only for one that stays. */
  offline(reason: BrokerError): void;
  /** The broker is back. */
  online(): void;
  /** Nothing more will come. */
  ended(reason: BrokerError): void;
}

/** What a hub needs. */
export interface HubOptions {
  /** The connection, whose messages and end have to be told to the hub. */
  readonly connection: SharedConnection;
  /** Where messages get their positions, and are kept. */
  readonly log: MessageLog;
  /** How long to go on subscribing for listeners that may come back, in milliseconds. */
  readonly resumeMs: number;
  /** Asked after each message: the broker is held back until the promise, if there is one, settles. */
  readonly pressure: () => Promise<void> | undefined;
  /** Draws from 0 up to but not including 1, for the waits between tries to reach a broker that was lost. */
  readonly random: () => number;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** A listener, and how far it has come. */
interface Member {
  readonly listener: Listener;
  subscriptions: readonly Subscription<Member>[];
  /** `joining` until the broker grants its filters; `away` while the broker is. */
  state: "joining" | "listening" | "away" | "gone";
  /** The last message that was considered for it: one that matches several of its filters is one. */
  considered: number;
}

/** How long to gather listeners before the broker is asked, in milliseconds: an app opens several streams at once. */
const GATHER_MS = 5;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The hub of one broker connection. */
export class Hub {
  readonly #options: HubOptions;
  readonly #subscriptions = new Subscriptions<Member>();
  readonly #joining = new Set<Member>();
  /** Those that wait for the next try to reach the broker. */
  readonly #away = new Set<Member>();
  readonly #backoff: Backoff;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #losses = 0;

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
  get hasListeners(): boolean {
    return [...this.#subscriptions].some(({ members }) => members.size > 0);
  }

  /**
   * Adds a listener.
   *
   * @returns the function that takes it away again; the listener is not told
   * @throws {BrokerError} if there are too many filters
   */
  join(listener: Listener): () => void {
    const member: Member = { listener, subscriptions: [], state: "joining", considered: 0 };
    this.#unsubscribe(this.#subscriptions.makeRoom(listener.filters));
    member.subscriptions = this.#subscriptions.enlist(member, listener.filters);
    if (this.#canGoOn(member)) this.#admit(member, 0, []);
    else {
      this.#joining.add(member);
      this.#gathering ??= setTimeout(() => this.#subscribe(), GATHER_MS);
    }
    return () => this.#remove(member);
  }

  /** Takes a message from the broker; to be called in the broker's order. */
  receive(delivery: BrokerMessage): Promise<void> | undefined {
    const matching = this.#subscriptions.match(delivery.topic);
    // A filter that was just given up, or a broker with ideas of its own.
    if (matching.length === 0) return undefined;
    const { log, pressure, now } = this.#options;
    const message = received(delivery, log.next(), now());
    const { subscriptions } = delivery;
    if (message.retain) this.#passRetained(message, matching, subscriptions);
    else {
      log.keep({ message, source: this, subscriptions });
      this.#pass(message, matching, subscriptions);
    }
    return pressure();
  }

  /** Notes that the connection has ended. Those that stay wait for it to come back; the others are told the end. */
  lost(reason: BrokerError): void {
    this.#losses += 1;
    for (const subscription of this.#subscriptions) {
      subscription.liveSince = undefined;
      subscription.qos = undefined;
      subscription.snapshots.clear();
    }
    for (const member of this.#members("listening")) {
      if (!member.listener.keep) this.#end(member, reason);
      else if (isListening(member)) {
        member.state = "away";
        this.#away.add(member);
        member.listener.offline(reason);
      }
    }
    // What nobody waits for need not be asked for again.
    for (const subscription of this.#subscriptions.unused()) this.#subscriptions.delete(subscription);
    this.#comeBack();
  }

  /** Gives up what nobody has listened to for long; to be called every second or so. */
  sweep(): void {
    const { resumeMs, monotonic } = this.#options;
    const now = monotonic();
    const given = this.#subscriptions.unused().filter(({ emptySince = now }) => now - emptySince >= resumeMs);
    for (const subscription of given) this.#subscriptions.delete(subscription);
    for (const { snapshots } of this.#subscriptions) {
      for (const snapshot of snapshots) if (snapshot.isSettled(now)) snapshots.delete(snapshot);
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
    for (const subscription of this.#subscriptions.unused()) this.#subscriptions.delete(subscription);
  }

  /** Hands a message to all listeners of the subscriptions that this delivery is for, each of them once. */
  #pass(message: ReceivedMessage, matching: readonly Subscription<Member>[], meant: readonly number[] | undefined) {
    const { offset } = message.position;
    for (const subscription of matching) {
      const isForIt = isMeant(subscription, meant);
      if (isForIt) { for (const snapshot of subscription.snapshots) snapshot.pass(message.topic); }
      for (const member of subscription.members) {
        // Whatever comes in several deliveries is for the oldest subscription that a listener has.
        if (member.considered === offset) continue;
        member.considered = offset;
        if (isForIt && member.state === "listening") member.listener.message(message, false);
      }
    }
  }

  /** Hands a retained message to those who subscribed of late. */
  #passRetained(
    message: ReceivedMessage,
    matching: readonly Subscription<Member>[],
    meant: readonly number[] | undefined,
  ): void {
    const now = this.#options.monotonic();
    for (const subscription of matching) {
      // What answers another request may be older than what this one will be answered with.
      if (!isMeant(subscription, meant)) continue;
      subscription.lastRetained = message.position.offset;
      for (const snapshot of subscription.snapshots) {
        if (snapshot.take(message, now)) {
          for (const member of snapshot.members) member.listener.message(message, true);
        } else if (snapshot.isFlooded) {
          for (const member of snapshot.members) {
            this.#end(member, new BrokerError("Broker sent too much before its grant"));
          }
          subscription.snapshots.delete(snapshot);
        }
      }
    }
  }

  /** Asks the broker for the filters of all that wait for it. */
  async #subscribe(): Promise<void> {
    this.#gathering = undefined;
    const { connection, log, monotonic } = this.#options;
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
    let snapshots: readonly Snapshot<Member>[] = [];
    let asked: readonly FilterRequest[] = [];
    try {
      const refused = await connection.use("answer", (open) => {
        // A place of its own: who comes back with an older one has missed what came before the broker was asked.
        from = log.next().offset;
        snapshots = expectRetained(members.filter(({ state }) => state !== "gone"));
        asked = wanted.map(({ id, filter, members }) => ({ id, filter, qos: highestQos(members) }));
        return open.subscribe(asked);
      });
      if (losses !== this.#losses) throw new BrokerError("Broker closed the connection");
      this.#backoff.reset();
      for (const [index, subscription] of wanted.entries()) {
        if (refused.includes(subscription.filter)) this.#refused(subscription);
        subscription.liveSince ??= from;
        // Others, who want more, may have come since.
        subscription.qos = asked[index]?.qos;
      }
      for (const snapshot of snapshots) {
        const early = snapshot.grant(monotonic());
        for (const member of snapshot.members) this.#admit(member, from, early);
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      for (const member of members) {
        if (member.state === "joining") this.#end(member, error);
        else if (member.state === "away") this.#away.add(member);
      }
      this.#comeBack();
    }
  }

  #unsubscribe(given: readonly Subscription<Member>[]): void {
    const { connection } = this.#options;
    if (given.length === 0 || !connection.isOpen) return;
    const filters = given.map(({ filter }) => filter);
    // If it fails, the connection is lost, and with it the subscription.
    connection.use("end the subscription", (open) => open.unsubscribe(filters)).catch(() => {});
  }

  #refused(subscription: Subscription<Member>): void {
    const reason = new BrokerError(`Broker refused the subscription to ${subscription.filter}`);
    for (const member of subscription.members) this.#end(member, reason);
    this.#subscriptions.delete(subscription);
  }

  /** Tells whether a listener that comes back has missed nothing that is not kept, and needs nothing of the broker. */
  #canGoOn({ listener: { since, qos }, subscriptions }: Member): boolean {
    const { log, monotonic } = this.#options;
    const now = monotonic();
    return since !== undefined && log.knows(since) && log.reaches(since.offset) &&
      subscriptions.every((one) =>
        // Within what the broker retained, the rest of that is missing.
        isLive(one, since.offset) && one.lastRetained <= since.offset &&
        [...one.snapshots].every((snapshot) => snapshot.isSettled(now)) && one.qos !== undefined && one.qos >= qos
      );
  }

  /**
   * Lets a listener hear: first what it missed, from here on what comes. Nothing may come in between, so nothing here
   * waits.
   *
   * @param from the offset at which the broker was asked
   * @param early what it sent of retained messages ahead of its grant
   */
  #admit(member: Member, from: number, early: readonly ReceivedMessage[]): void {
    const { listener, subscriptions } = member;
    const { log } = this.#options;
    const isBack = member.state === "away";
    const since = isBack ? undefined : listener.since;
    const isKnown = since !== undefined && log.knows(since);
    const start = isKnown ? since.offset : from;
    const isWhole = log.reaches(start) && subscriptions.every((one) => isLive(one, start)) &&
      !isBack && (since === undefined || isKnown);
    const position = { ...log.position, offset: start };
    member.state = "listening";
    if (isBack) listener.online();
    else listener.connected(isWhole ? position : undefined);
    if (!isWhole && isListening(member)) listener.gap(position);
    const missed = [...this.#missed(member, start), ...early];
    if (early.length > 0) missed.sort((one, other) => one.position.offset - other.position.offset);
    for (const message of missed) if (isListening(member)) listener.message(message, true);
  }

  *#missed(member: Member, offset: number): Generator<ReceivedMessage, void, void> {
    for (const { message, subscriptions } of this.#options.log.after(offset, this)) {
      const own = this.#subscriptions.match(message.topic).filter(({ members }) => members.has(member));
      const [oldest] = own;
      if (oldest === undefined || !isMeant(oldest, subscriptions)) continue;
      // Another one may have been the oldest then, and the listener may have got the message for that.
      const isDoubtful = subscriptions !== undefined && own.length > 1 &&
        !own.every((one) => isLive(one, message.position.offset));
      if (!isDoubtful) yield message;
    }
  }

  /** Tries again later to reach a broker that somebody waits for. */
  #comeBack(): void {
    if (this.#away.size === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#subscribe();
    }, this.#backoff.next());
  }

  #end(member: Member, reason: BrokerError): void {
    // Whoever was told before may have made it leave.
    if (member.state === "gone") return;
    this.#remove(member);
    member.listener.ended(reason);
  }

  #remove(member: Member): void {
    member.state = "gone";
    this.#joining.delete(member);
    this.#away.delete(member);
    for (const subscription of member.subscriptions) {
      subscription.members.delete(member);
      for (const { members } of subscription.snapshots) members.delete(member);
      if (subscription.members.size === 0) subscription.emptySince ??= this.#options.monotonic();
    }
  }

  #members(state: Member["state"]): Member[] {
    const all = new Set([...this.#subscriptions].flatMap(({ members }) => [...members]));
    return [...all].filter((member) => member.state === state);
  }
}

/** Notes that retained messages will come: listeners of the same filters get the same of them. */
function expectRetained(members: readonly Member[]): Snapshot<Member>[] {
  const groups = Map.groupBy(members, ({ subscriptions }) => subscriptions.map(({ id }) => id).sort().join());
  return [...groups.values()].map((group) => {
    const snapshot = new Snapshot<Member>();
    for (const member of group) {
      snapshot.members.add(member);
      for (const { snapshots } of member.subscriptions) snapshots.add(snapshot);
    }
    return snapshot;
  });
}

function received(
  { topic, payload, qos, retain }: BrokerMessage,
  position: Position,
  receivedAt: number,
): ReceivedMessage {
  return { position, topic, payload: decoded(payload), payloadBytes: payload.length, qos, retain, receivedAt };
}

/** A copy in any case: what MQTT.js hands over is part of a larger piece, which would stay in memory with it. */
function decoded(payload: Uint8Array): string | Uint8Array {
  try {
    return strictUtf8.decode(payload);
  } catch {
    return payload.slice();
  }
}

function isLive({ liveSince }: Subscription<Member>, offset: number): boolean {
  return liveSince !== undefined && liveSince <= offset;
}

/** Tells whether a delivery is for a subscription, by the ids that came with it. */
function isMeant({ id }: Subscription<Member>, meant: readonly number[] | undefined): boolean {
  return meant === undefined || meant.includes(id);
}

function isListening({ state }: Member): boolean {
  return state === "listening";
}

function highestQos(members: ReadonlySet<Member>): QoS {
  let highest: QoS = 0;
  for (const { listener: { qos } } of members) if (qos > highest) highest = qos;
  return highest;
}
