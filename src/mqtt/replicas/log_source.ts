/**
 * Shared log as the source of a hub. Live messages come from the log; retained ones from a connection of this replica.
 *
 * @module
 */
import { abortable, withDeadline } from "../../lib/async.ts";
import type { Clock } from "../../lib/clock.ts";
import { LruCache } from "../../lib/lru_cache.ts";
import { FairSemaphore } from "../../limits/fair_semaphore.ts";
import type { Position } from "../../protocol/event.ts";
import { BrokerError, type FilterRequest, type QoS } from "../broker.ts";
import type { HubRequest, HubSource, OwnerOfFilter, OwnersOf, RestoredFilter, SettledRetained } from "../hub/source.ts";
import type { SharedConnection } from "../shared_connection.ts";
import {
  type EventLog,
  type LogState,
  ReplicaUnknownError,
  type SharedOwnerState,
  type WantedFilter,
} from "./event_log.ts";
import { type LogHistory, offsetOf, sequenceOf } from "./log_history.ts";
import type { LogReader } from "./log_reader.ts";
import type { LoginProof } from "./login_proof.ts";

/** Parts of a source. */
export interface LogSourceOptions {
  /** The log. */
  readonly log: Pick<EventLog, "want" | "unwant" | "shareOwners" | "forgetOwners">;
  /** Random id of this replica. */
  readonly replica: string;
  /** Connection for retained messages. */
  readonly connection: SharedConnection;
  /** Messages that were read. */
  readonly history: LogHistory;
  /** Reader of the log. */
  readonly reader: Pick<LogReader, "reached">;
  /** Longest wait for the log and the writer together, in milliseconds. */
  readonly timeoutMs: number;
  /** Clock of the timeout. */
  readonly clock: Pick<Clock, "after">;
  /**
   * Proof of a login that a request names: without it, and without the broker's grant on this replica's own connection,
   * nothing of the log is served. Undefined for the gateway's own login.
   */
  readonly login?: Pick<LoginProof, "required"> | undefined;
  /** Called when the log does not know this replica any more, before its filters are wanted again. */
  readonly onUnknown: () => Promise<void>;
}

/** What is known of a filter that this replica wants. */
interface Wanted {
  /** Highest quality of service that it wanted. */
  qos: QoS;
  /** The last response of the broker that was read; undefined before. */
  response: { readonly sequence: number; readonly qos: QoS | undefined } | undefined;
  /** Owners whose states the log may have for this replica. */
  readonly owners: Set<string>;
}

/** Filters that a replica wants, as the log returned them. */
interface Registered {
  readonly refused: readonly string[];
  readonly filters: readonly WantedFilter[];
  readonly state: LogState;
}

/** Most filters to remember as accepted by the broker. */
const MAX_ACCEPTED = 10_000;

/**
 * Most streams that begin with what other replicas know at once: all phones of a replica that ends come together, and the
 * server does nothing else while it answers them.
 */
const MAX_RESTORES = 128;

/** Subscription identifier of requests that only find out whether the broker accepts a filter: the highest one. */
const TRIAL_ID = 268_435_455;

/** Source of one replica's hub. */
export class LogSource implements HubSource {
  readonly #options: LogSourceOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** Filters that the broker accepted at any replica; for a login that a request names, on this replica's connection. */
  #accepted = new LruCache<string, true>(MAX_ACCEPTED);
  /** Filters that are subscribed on the connection of this replica. */
  readonly #subscribed = new Set<string>();
  /** Calls that wait for responses of the broker. */
  readonly #waiting = new Set<() => void>();
  readonly #restores = new FairSemaphore({ total: MAX_RESTORES, each: MAX_RESTORES });
  #offlineReason: string | undefined;
  /** Resolves when the writer has connected; settled unless it is offline. */
  #online = Promise.resolve();
  #setOnline = () => {};

  /** Makes a source that wants nothing. */
  constructor(options: LogSourceOptions) {
    this.#options = options;
  }

  /**
   * Wants the filters, waits until the writer has subscribed to them, and requests the retained messages, as
   * {@linkcode HubSource.request}.
   */
  request(wanted: readonly FilterRequest[], begin: () => HubRequest): Promise<readonly string[]> {
    return this.#withDeadline(async (signal) => {
      const { connection, log, replica } = this.#options;
      const registered = await this.#register(wanted, undefined, signal);
      // What others wanted before may be in the log since long ago: none of it is for a subscriber of now.
      const { epoch, last } = registered.state;
      await this.#options.reader.reached({ epoch, sequence: last }, signal);
      const refused = new Set([...registered.refused, ...await this.#responses(registered, wanted, signal)]);
      if (wanted.every(({ filter }) => refused.has(filter))) return [...refused];
      signal.throwIfAborted();
      const { filters, owners } = begin();
      // Before any message reaches a subscriber: it may continue at another replica at once.
      const states = owners();
      for (const { filter, owner } of states) this.#wanted.get(filter)?.owners.add(owner);
      await this.#fromLog(log.shareOwners(replica, states.map(sharedState)));
      signal.throwIfAborted();
      const requested = filters.filter(({ filter }) => !refused.has(filter));
      for (const { filter } of requested) this.#subscribed.add(filter);
      return [...refused, ...await connection.use("answer", (open) => open.subscribe(requested))];
    });
  }

  /** Does nothing: {@linkcode sweep} finds the filters that are not in use. */
  release(): void {}

  /**
   * Wants the filters, and waits until this replica has read what others sent, as {@linkcode HubSource.restore}. While
   * the broker is unreachable it waits as well: a stream that resumes goes on as soon as the broker is back.
   */
  restore(
    wanted: readonly FilterRequest[],
    { owner, since }: { readonly owner: string; readonly since: Position },
  ): Promise<readonly RestoredFilter[]> {
    return this.#withDeadline(async (signal) => {
      await abortable(this.#online, signal);
      const release = await this.#restores.acquire(owner, 1, signal);
      const { filters, state } = await this.#register(wanted, owner, signal).finally(release);
      if (since.epoch === state.epoch) {
        const sequence = Math.min(sequenceOf(since.offset), state.last);
        await this.#options.reader.reached({ epoch: state.epoch, sequence }, signal);
        this.#options.history.passEntry();
      }
      return filters.map((each) => ({ ...each, owner: each.owner && this.#ownerState(each.owner) }));
    });
  }

  /** Shares that owners have all retained messages, and ends the subscriptions of this replica. */
  settled({ owners, filters }: SettledRetained): void {
    const { log, replica } = this.#options;
    // Without it, they get the retained messages again.
    if (owners.length > 0) log.shareOwners(replica, owners.map(sharedState)).catch(() => {});
    this.#unsubscribe(filters);
  }

  /**
   * Removes the filters that are not in use from those that this replica wants, and the states of owners that are not.
   */
  sweep(ownersOf: OwnersOf): void {
    this.#unsubscribe([...this.#subscribed].filter((filter) => ownersOf(filter) === undefined));
    const unused: [filter: string, wanted: Wanted][] = [];
    const left: [filter: string, owner: string][] = [];
    for (const [filter, wanted] of this.#wanted) {
      const owners = ownersOf(filter);
      if (owners === undefined) unused.push([filter, wanted]);
      for (const owner of wanted.owners) if (owners?.has(owner) !== true) left.push([filter, owner]);
    }
    if (unused.length + left.length > 0) void this.#remove(unused, left);
  }

  /** True if this replica wants filters. */
  get wantsFilters(): boolean {
    return this.#wanted.size > 0;
  }

  /**
   * Wants all filters again, as the log has forgotten them.
   *
   * @returns those that the broker has not granted to the writer any more
   */
  async wantAgain(): Promise<readonly string[]> {
    if (!this.wantsFilters) return [];
    const { log, replica } = this.#options;
    const wanted = [...this.#wanted].map(([filter, { qos }]) => [filter, qos] as const);
    const { filters } = await log.want(replica, wanted, undefined);
    return filters.filter(({ grantedQos }) => grantedQos === undefined).map(({ filter }) => filter);
  }

  /** Records the broker's responses to the writer. */
  granted(sequence: number, filters: readonly (readonly [filter: string, qos: QoS | undefined])[]): void {
    for (const [filter, qos] of filters) {
      if (qos === undefined) this.#accepted.delete(filter);
      else if (this.#options.login === undefined) this.#accepted.set(filter, true);
      const wanted = this.#wanted.get(filter);
      if (wanted !== undefined) wanted.response = { sequence, qos };
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Records that the writer cannot reach the broker. */
  offline(reason: string): void {
    if (this.#offlineReason === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      [this.#online, this.#setOnline] = [promise, resolve];
    }
    this.#offlineReason = reason;
    for (const check of [...this.#waiting]) check();
  }

  /** Records that the writer has connected. */
  online(): void {
    this.#offlineReason = undefined;
    this.#setOnline();
  }

  /** Forgets the responses in a log that has begun anew. */
  restart(): void {
    for (const wanted of this.#wanted.values()) wanted.response = undefined;
    this.online();
  }

  /** Forgets the subscriptions of a connection that has closed. */
  connectionClosed(): void {
    this.#subscribed.clear();
    // The broker may not accept them again with the password of this replica.
    if (this.#options.login !== undefined) this.#accepted = new LruCache(MAX_ACCEPTED);
  }

  /** Removes filters and owners, here and in the log; never rejects. */
  async #remove(
    unused: readonly (readonly [filter: string, wanted: Wanted])[],
    left: readonly (readonly [filter: string, owner: string])[],
  ): Promise<void> {
    const { log, replica } = this.#options;
    for (const [filter, owner] of left) this.#wanted.get(filter)?.owners.delete(owner);
    for (const [filter] of unused) this.#wanted.delete(filter);
    try {
      // Both at once: what is wanted or shared from now on comes after them.
      await Promise.all([
        log.forgetOwners(replica, left),
        log.unwant(replica, unused.map(([filter]) => filter)),
      ]);
    } catch {
      // To be tried again.
      for (const [filter, wanted] of unused) if (!this.#wanted.has(filter)) this.#wanted.set(filter, wanted);
      for (const [filter, owner] of left) this.#wanted.get(filter)?.owners.add(owner);
    }
  }

  /** Ends subscriptions on the connection of this replica. */
  #unsubscribe(filters: readonly string[]): void {
    const { connection } = this.#options;
    const subscribed = filters.filter((filter) => this.#subscribed.delete(filter));
    if (subscribed.length === 0 || !connection.isOpen) return;
    // A failure closes the connection, and with it the subscription.
    connection.use("end the subscription", (open) => open.unsubscribe(subscribed)).catch(() => {});
  }

  async #register(
    requests: readonly FilterRequest[],
    owner: string | undefined,
    signal: AbortSignal,
  ): Promise<Registered> {
    const { log, replica, reader, login, onUnknown } = this.#options;
    await login?.required();
    this.#requireOnline();
    const refused = new Set(await this.#tryFilters(requests.filter(({ filter }) => !this.#accepted.has(filter))));
    const wanted = requests.filter(({ filter }) => !refused.has(filter));
    for (const { filter, qos } of wanted) {
      const known = this.#wanted.get(filter);
      const owners = known?.owners ?? new Set();
      if (owner !== undefined) owners.add(owner);
      if (known === undefined) this.#wanted.set(filter, { qos, response: undefined, owners });
      else if (qos > known.qos) known.qos = qos;
    }
    const filters = wanted.map(({ filter, qos }) => [filter, this.#wanted.get(filter)?.qos ?? qos] as const);
    const want = () => log.want(replica, filters, owner);
    const found = await this.#fromLog(
      want().catch(async (error) => {
        if (!(error instanceof ReplicaUnknownError)) throw error;
        await onUnknown();
        return await want();
      }),
    );
    await reader.reached({ epoch: found.state.epoch, sequence: 0 }, signal);
    return { ...found, refused: [...refused] };
  }

  /**
   * Finds out on the connection of this replica whether the broker accepts filters: one that it answers by closing the
   * connection must not reach the writer, whose connection serves all replicas.
   *
   * @returns the filters that it refused
   */
  async #tryFilters(requests: readonly FilterRequest[]): Promise<readonly string[]> {
    if (requests.length === 0) return [];
    const tries = requests.map(({ filter }) => ({ filter, qos: 0, id: TRIAL_ID, retained: "never" } as const));
    const refused = await this.#options.connection.use("answer", async (open) => {
      const refused = await open.subscribe(tries);
      // With MQTT 3.1.1, it also shows that the broker has sent their retained messages.
      await open.unsubscribe(tries.map(({ filter }) => filter));
      return refused;
    });
    for (const { filter } of tries) if (!refused.includes(filter)) this.#accepted.set(filter, true);
    return refused;
  }

  /** Waits for the broker's responses to the writer; returns the filters that the broker refused. */
  #responses(
    { filters, state }: Registered,
    requests: readonly FilterRequest[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const needed = new Map(requests.map(({ filter, qos }) => [filter, qos]));
    const missing = filters
      .filter(({ filter, grantedQos = -1 }) => grantedQos < (needed.get(filter) ?? 0))
      .map(({ filter }) => filter);
    const responseTo = (filter: string) => {
      const response = this.#wanted.get(filter)?.response;
      return response !== undefined && response.sequence > state.last ? response : undefined;
    };
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    const check = () => {
      if (this.#offlineReason !== undefined) reject(new BrokerError(this.#offlineReason));
      if (missing.every((filter) => responseTo(filter) !== undefined)) {
        resolve(missing.filter((filter) => responseTo(filter)?.qos === undefined));
      }
    };
    this.#waiting.add(check);
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    check();
    return promise.finally(() => {
      this.#waiting.delete(check);
      signal.removeEventListener("abort", abort);
    });
  }

  /** Returns the state of an owner as this replica can rely on it. */
  #ownerState({ activeFrom, qos, retainedUntil }: SharedOwnerState): RestoredFilter["owner"] {
    // Retained messages that changed before a gap may be unknown to it.
    const isKnown = retainedUntil !== undefined && retainedUntil >= this.#options.history.retainedFrom;
    return { activeFrom, qos, retainedUntil: isKnown ? retainedUntil : undefined };
  }

  #requireOnline(): void {
    if (this.#offlineReason !== undefined) throw new BrokerError(this.#offlineReason);
  }

  #withDeadline<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options;
    return withDeadline(work, {
      clock,
      timeout: timeoutMs,
      timeoutError: () =>
        new BrokerError(
          this.#offlineReason ?? `Broker did not answer the gateway's replicas within ${timeoutMs / 1000} s`,
        ),
    });
  }

  async #fromLog<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof BrokerError) throw error;
      throw new BrokerError("Shared messages of the gateway's replicas are unavailable");
    }
  }
}

/** Returns the state of an owner as the log stores it. */
function sharedState({ filter, owner, activeFrom, qos, retainedUntil }: OwnerOfFilter): readonly [
  filter: string,
  owner: string,
  state: SharedOwnerState,
] {
  // Offsets of this replica say nothing at others: the lowest one after the entry.
  return [filter, owner, { activeFrom: offsetOf(sequenceOf(activeFrom)) + 1, qos, retainedUntil }];
}
