/**
 * Hands the messages of one broker connection out to any number of listeners, and lets them come back without a gap.
 *
 * @module
 */
import { Backoff } from "../protocol/backoff.ts";
import { BrokerError, type BrokerMessage, type FilterRequest } from "./broker.ts";
import { canGoOn, missedBy } from "./catch_up.ts";
import type { Listener } from "./listener.ts";
import { highestQos, Member } from "./member.ts";
import type { MessageLog } from "./message_log.ts";
import { type ReceivedMessage, receivedMessage } from "./received_message.ts";
import type { SharedConnection } from "./shared_connection.ts";
import { Snapshot } from "./snapshot.ts";
import { addWindow, byAge, isLive, type Subscription, Subscriptions } from "./subscription.ts";

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
  /** Told of what should never happen. */
  readonly onFault: (error: unknown) => void;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** A connection that lasted so long was a good one, in milliseconds: the wait after it is short again. */
const STEADY_MS = 30_000;

/** How long to gather listeners before the broker is asked, in milliseconds: an app opens several streams at once. */
const GATHER_MS = 5;

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
  get hasListeners(): boolean {
    return [...this.#subscriptions].some(({ members }) => members.size > 0);
  }

  /** How many filters it asks the broker for. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#everybody().size;
  }

  /**
   * Adds a listener.
   *
   * @returns the function that takes it away again; the listener is not told
   * @throws {BrokerError} if there are too many filters
   */
  join(listener: Listener): () => void {
    const member = new Member(listener);
    this.#unsubscribe(this.#subscriptions.makeRoom(listener.filters));
    member.subscribeTo(this.#subscriptions.enlist(member, listener.filters));
    if (canGoOn(member, this.#options.log, this.#options.monotonic())) this.#admit(member, 0, []);
    else {
      this.#joining.add(member);
      this.#gathering ??= setTimeout(() => this.#subscribe(), GATHER_MS);
    }
    return () => this.#remove(member);
  }

  /** Takes a message from the broker; to be called in the broker's order. */
  receive(delivery: BrokerMessage): Promise<void> | undefined {
    const meant = this.#subscriptions.meantBy(delivery);
    // A filter that was just given up, or a broker with ideas of its own.
    if (meant.length === 0) return undefined;
    const { log, pressure, now } = this.#options;
    const message = receivedMessage(delivery, { position: log.next(), receivedAt: now() });
    if (message.retain) this.#passRetained(message, meant);
    else {
      log.keep({ message, source: this, subscriptions: delivery.subscriptions });
      this.#pass(message, meant);
    }
    return pressure();
  }

  /** Notes that the connection has ended. Those that stay wait for it to come back; the others are told the end. */
  lost(reason: BrokerError): void {
    this.#losses += 1;
    // One that hangs up again and again is not asked in haste.
    if (this.#options.monotonic() - this.#grantedAt >= STEADY_MS) this.#backoff.reset();
    for (const subscription of this.#subscriptions) {
      subscription.liveSince = undefined;
      subscription.qos = undefined;
      subscription.snapshots.clear();
    }
    for (const member of this.#members("listening")) {
      if (!member.listener.keep) this.#end(member, reason);
      else if (member.isListening) {
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
    for (const subscription of this.#subscriptions) {
      for (const snapshot of subscription.snapshots) {
        if (!snapshot.isSettled(now)) continue;
        subscription.snapshots.delete(snapshot);
        addWindow(subscription, snapshot.window);
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
    for (const subscription of this.#subscriptions.unused()) this.#subscriptions.delete(subscription);
  }

  /** Hands a message to all listeners of the subscriptions that this delivery is for, each of them once. */
  #pass(message: ReceivedMessage, meant: readonly Subscription<Member>[]): void {
    const { topic, position: { offset } } = message;
    for (const subscription of meant) {
      for (const snapshot of subscription.snapshots) snapshot.pass(topic);
      for (const member of subscription.members) {
        if (member.considered === offset || !member.hearsThrough(subscription, topic)) continue;
        member.considered = offset;
        if (member.isListening) member.listener.message(message, false);
      }
    }
  }

  /** Hands a retained message to those who subscribed of late. */
  #passRetained(message: ReceivedMessage, meant: readonly Subscription<Member>[]): void {
    const now = this.#options.monotonic();
    for (const subscription of meant) {
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
        snapshots = this.#expectRetained(members.filter(({ state }) => state !== "gone"), from);
        // Never less than before: who is away for a moment may want more.
        asked = wanted.map(({ id, filter, members, qos = 0 }) => {
          const highest = highestQos(members);
          return { id, filter, qos: highest > qos ? highest : qos };
        });
        return open.subscribe(asked);
      });
      if (losses !== this.#losses) throw new BrokerError("Broker closed the connection");
      this.#grantedAt = monotonic();
      for (const [index, subscription] of wanted.entries()) {
        if (refused.includes(subscription.filter)) this.#refused(subscription);
        // A later request may have been granted sooner.
        subscription.liveSince = Math.min(subscription.liveSince ?? from, from);
        // Others, who want more, may have come since.
        subscription.qos = asked[index]?.qos;
      }
      for (const snapshot of snapshots) {
        const early = snapshot.grant(monotonic());
        for (const member of snapshot.members) this.#admit(member, from, early);
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) this.#options.onFault(error);
      const reason = error instanceof BrokerError ? error : new BrokerError("Internal error");
      for (const member of members) {
        if (member.state === "joining") this.#end(member, reason);
        else if (member.state === "away") this.#away.add(member);
      }
      this.#comeBack();
    }
  }

  /** Notes that retained messages will come: listeners of the same filters get the same of them. */
  #expectRetained(members: readonly Member[], from: number): Snapshot<Member>[] {
    const { log } = this.#options;
    const groups = Map.groupBy(members, ({ subscriptions }) => subscriptions.map(({ id }) => id).sort().join());
    return [...groups.values()].map((group) => {
      // Whoever goes on from an older place may leave again amid what was missed, before the first retained message.
      const places = group.map(({ listener: { since } }) =>
        since !== undefined && log.knows(since) ? since.offset : from
      );
      const snapshot = new Snapshot<Member>(Math.min(from, ...places));
      for (const member of group) {
        snapshot.members.add(member);
        for (const { snapshots } of member.subscriptions) snapshots.add(snapshot);
      }
      return snapshot;
    });
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
    if (!isWhole && member.isListening) listener.gap(position);
    const missed = [...missedBy(member, log.after(start, this)), ...early];
    if (early.length > 0) missed.sort((one, other) => one.position.offset - other.position.offset);
    for (const message of missed) if (member.isListening) listener.message(message, true);
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
    const given: Subscription<Member>[] = [];
    for (const subscription of member.subscriptions) {
      subscription.members.delete(member);
      for (const { members } of subscription.snapshots) members.delete(member);
      if (subscription.members.size > 0 || subscription.emptySince !== undefined) continue;
      const left = { owner: member.listener.owner, now: this.#options.monotonic() };
      const tooMuch = this.#subscriptions.abandon(subscription, left);
      if (tooMuch !== undefined) given.push(tooMuch);
    }
    this.#unsubscribe(given);
  }

  #members(state: Member["state"]): Member[] {
    return [...this.#everybody()].filter((member) => member.state === state);
  }

  #everybody(): Set<Member> {
    return new Set([...this.#subscriptions].flatMap(({ members }) => [...members]));
  }
}
