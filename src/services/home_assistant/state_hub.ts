/**
 * Passes the states of all entities from one connection to any number of listeners, which can resume without a gap.
 *
 * @module
 */
import type { Clock } from "../../lib/clock.ts";
import { FifoQueue } from "../../lib/fifo_queue.ts";
import { ReconnectBackoff } from "../../lib/reconnect_backoff.ts";
import { TurnBudget } from "../../lib/turn_budget.ts";
import type { Log } from "../../observability/log.ts";
import type { Position } from "../../protocol/event.ts";
import type { SharedMessage } from "../../streams/shared_message.ts";
import type { ServiceError } from "../service.ts";
import type { EntityTable, StateChange } from "./entity_table.ts";
import { ResumableSelections } from "./resumable_selections.ts";
import type { EntitySelection, StateHistory } from "./state_history.ts";
import { TokenRefusedError, unreachable } from "./stream_errors.ts";
import type { ConnectStates, StatesConnection } from "./websocket.ts";

/** Recipient of the states of some entities. Its methods must not throw. */
export interface StateListener {
  /** Object that stands for the key and its rights: only its listeners resume each other's streams. */
  readonly owner: object;
  /** Entities that it may receive, and asked for. */
  readonly selection: EntitySelection;
  /** True to stay while Home Assistant is unreachable. */
  readonly keep: boolean;
  /** Position of the last message on its previous stream, to resume after. */
  readonly since: Position | undefined;
  /**
   * Reports that states follow; called first, and once.
   *
   * @param position all messages after it follow; undefined if some may be missing, which a gap then reports
   */
  connected(position: Position | undefined): void;
  /**
   * Reports that changes may be missing. The current states follow.
   *
   * @param position all messages after it follow
   */
  gap(position: Position): void;
  /**
   * Passes a state or a change.
   *
   * @param isBacklog whether it is one of those passed all at once
   */
  message(message: SharedMessage, isBacklog: boolean): void;
  /** Reports that Home Assistant is unreachable; only with `keep`. */
  offline(reason: ServiceError): void;
  /** Reports that Home Assistant is connected again. */
  online(): void;
  /** Reports the end; called last. */
  ended(reason: ServiceError): void;
}

/** Parts and limits of a hub. */
export interface StateHubOptions {
  /** Opens the connection. */
  readonly connect: ConnectStates;
  /** States of all entities. */
  readonly table: EntityTable;
  /** States and changes as messages. */
  readonly history: StateHistory;
  /** Time to stay connected without listeners, as they may resume, in seconds. */
  readonly resumeSeconds: number;
  /** Called after each change; nothing further is passed or read until the promise, if there is one, settles. */
  readonly backpressure: () => Promise<void> | undefined;
  /** Clock of timeouts. */
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Random number from 0 up to but not including 1, for the waits between connection attempts. */
  readonly random: () => number;
  /** Logger for failures of the connection. */
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** A listener, and its state: `pending` until it has received the states, `offline` while there is no connection. */
interface ListenerState {
  readonly listener: StateListener;
  status: "pending" | "active" | "offline" | "removed";
}

/** Least time between two attempts to connect, in milliseconds: each new listener asks for one. */
const MIN_INTERVAL_MS = 1000;

/** The connection to Home Assistant, and its listeners. */
export class StateHub {
  readonly #options: StateHubOptions;
  readonly #listeners = new Set<ListenerState>();
  readonly #backoff: ReconnectBackoff;
  /** Selections that listeners of this connection resume. */
  #resumable: ResumableSelections;
  #connection: StatesConnection | undefined;
  /** Changes that are yet to be passed, and listeners that are yet to begin. */
  #changes = new FifoQueue<StateChange>();
  #starting = new FifoQueue<ListenerState>();
  /** Resolves when all changes are passed. */
  #passed: PromiseWithResolvers<void> | undefined;
  #isWorking = false;
  /** True while all states are known. */
  #isReady = false;
  #readyAt = 0;
  #attemptedAt = -MIN_INTERVAL_MS;
  /** Next attempt to connect. */
  #retry: { readonly at: number; readonly stop: () => void } | undefined;
  #stopIdle = () => {};
  /** True from the first lost connection until the next one is ready: each loss is logged once. */
  #isLost = false;
  /** Error for all listeners, now and later. */
  #finalReason: ServiceError | undefined;

  /** Makes a hub without listeners, and without a connection. */
  constructor(options: StateHubOptions) {
    this.#options = options;
    this.#backoff = new ReconnectBackoff(options.random);
    this.#resumable = new ResumableSelections(options.resumeSeconds * 1000);
  }

  /** Number of listeners. */
  get size(): number {
    return this.#listeners.size;
  }

  /** True while there is a connection with all states. */
  get isConnected(): boolean {
    return this.#isReady;
  }

  /**
   * Adds a listener.
   *
   * @returns the function that removes it without a call of `ended`
   * @throws {ServiceError} if Home Assistant refused the token, or the hub is closed
   */
  subscribe(listener: StateListener): () => void {
    if (this.#finalReason !== undefined) throw this.#finalReason;
    const state: ListenerState = { listener, status: "pending" };
    this.#listeners.add(state);
    this.#stopIdle();
    if (this.#isReady) {
      this.#starting.push(state);
      this.#work();
    } else if (this.#connection === undefined) this.#connectIn(MIN_INTERVAL_MS - this.#sinceAttempt());
    return () => this.#remove(state);
  }

  /** Ends all listeners, and closes the connection for good. */
  close(reason: ServiceError): void {
    this.#finalReason = reason;
    this.#disconnect();
    for (const state of [...this.#listeners]) this.#end(state, reason);
  }

  #sinceAttempt(): number {
    return this.#options.clock.monotonic() - this.#attemptedAt;
  }

  /** Connects after a wait, in milliseconds, or at the time that was set before if that is sooner. */
  #connectIn(ms: number): void {
    const { clock } = this.#options;
    const at = clock.monotonic() + Math.max(0, ms);
    if (this.#retry !== undefined && this.#retry.at <= at) return;
    this.#retry?.stop();
    if (ms <= 0) this.#connect();
    else this.#retry = { at, stop: clock.after(ms, () => this.#connect()) };
  }

  #connect(): void {
    const { clock, connect, table, backpressure } = this.#options;
    this.#retry = undefined;
    this.#attemptedAt = clock.monotonic();
    table.clear();
    this.#connection = connect({
      onStates: (event) => {
        const changes = table.apply(event);
        if (this.#isReady) return this.#passAll(changes);
        this.#ready(changes);
        return backpressure();
      },
      onClosed: (reason, { isReached }) => this.#closed(reason, isReached),
    });
  }

  /** Begins with all states, and passes them to everyone who waits. */
  #ready(states: readonly StateChange[]): void {
    const { history, clock, log } = this.#options;
    history.restart(states);
    this.#isReady = true;
    this.#readyAt = clock.monotonic();
    if (this.#isLost) log.info("Home Assistant is connected again");
    this.#isLost = false;
    for (const state of this.#listeners) this.#starting.push(state);
    this.#work();
  }

  /** Passes changes to listeners; returns a promise to wait for unless all are passed at once. */
  #passAll(changes: readonly StateChange[]): Promise<void> | undefined {
    for (const change of changes) this.#changes.push(change);
    this.#work();
    if (this.#changes.first === undefined) return this.#options.backpressure();
    this.#passed ??= Promise.withResolvers();
    return this.#passed.promise;
  }

  #work(): void {
    if (this.#isWorking) return;
    const { log } = this.#options;
    this.#takeSteps().catch((error) => log.error("Passing states to streams failed unexpectedly: {error}", { error }));
  }

  /** Takes all steps. Other work runs in between: one event can change all entities, for all listeners. */
  async #takeSteps(): Promise<void> {
    const { backpressure, clock } = this.#options;
    const budget = new TurnBudget(clock);
    this.#isWorking = true;
    try {
      for (const _step of this.#steps()) {
        const wait = backpressure() ?? budget.pause();
        if (wait !== undefined) await wait;
      }
    } catch (error) {
      // The rest of the changes would never be passed, and the connection would wait for that.
      this.#closed(unreachable("States of Home Assistant cannot be passed on", error));
    } finally {
      this.#isWorking = false;
    }
  }

  /**
   * Passes the changes that are there, and then starts one listener: neither listeners that come again and again, nor a
   * Home Assistant that always has changes, keep the others waiting.
   */
  *#steps(): Generator<void> {
    for (;;) {
      const change = this.#changes.shift();
      if (change !== undefined) this.#pass(this.#options.history.append(change));
      if (this.#changes.first === undefined) {
        this.#passed?.resolve();
        this.#passed = undefined;
        const state = this.#starting.shift();
        if (state === undefined && change === undefined) return;
        if (state?.status === "pending" || state?.status === "offline") yield* this.#start(state);
      }
      yield;
    }
  }

  /** Starts to pass messages to a listener, in steps. No change is passed in between. */
  *#start(state: ListenerState): Generator<void> {
    const connection = this.#connection;
    const { history, clock } = this.#options;
    const { listener } = state;
    const { owner, selection, since } = listener;
    const isReconnecting = state.status === "offline";
    const isResuming = !isReconnecting && since !== undefined &&
      this.#resumable.has(owner, selection.patterns, clock.monotonic());
    const missed = isResuming ? history.missed(since, selection) : undefined;
    const { start, messages } = missed ?? history.states(selection);
    const isGap = missed === undefined && (isReconnecting || since !== undefined);
    state.status = "active";
    this.#resumable.add(owner, selection.patterns);
    if (isReconnecting) listener.online();
    else listener.connected(isGap ? undefined : start);
    if (isGap && isActive(state)) listener.gap(start);
    for (const message of messages) {
      if (!isActive(state) || connection !== this.#connection) return;
      listener.message(message, true);
      yield;
    }
  }

  /** Passes a change to the listeners that may receive it. */
  #pass(message: SharedMessage): void {
    for (const state of this.#listeners) {
      if (isActive(state) && state.listener.selection.matches(message.topic)) state.listener.message(message, false);
    }
  }

  /** Handles the end of the connection: reconnects for listeners with `keep`, and ends the others. */
  #closed(reason: ServiceError, isReached = true): void {
    const { clock, log } = this.#options;
    if (isReached) this.#backoff.connectionEnded(this.#isReady ? clock.monotonic() - this.#readyAt : 0);
    this.#disconnect();
    const isFinal = reason instanceof TokenRefusedError;
    if (isFinal) this.#finalReason = reason;
    if (isFinal) log.error("{reason}", { reason: reason.message });
    else if (!this.#isLost) log.warn("{reason}", { reason: reason.message, error: reason.cause });
    this.#isLost = true;
    for (const state of [...this.#listeners]) {
      if (isFinal || !state.listener.keep || state.status === "pending") this.#end(state, reason);
      else if (isActive(state)) {
        state.status = "offline";
        state.listener.offline(reason);
      }
    }
    if (this.#listeners.size > 0) this.#connectIn(this.#backoff.next());
  }

  #disconnect(): void {
    this.#stopIdle();
    this.#retry?.stop();
    this.#retry = undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#isReady = false;
    this.#changes = new FifoQueue();
    this.#starting = new FifoQueue();
    this.#options.table.clear();
    this.#options.history.restart([]);
    this.#resumable = new ResumableSelections(this.#options.resumeSeconds * 1000);
  }

  #end(state: ListenerState, reason: ServiceError): void {
    // Another listener's callback may have removed it.
    if (state.status === "removed") return;
    this.#remove(state);
    state.listener.ended(reason);
  }

  #remove(state: ListenerState): void {
    if (state.status === "removed") return;
    const { clock, resumeSeconds } = this.#options;
    const { owner, selection: { patterns } } = state.listener;
    if (isActive(state)) this.#resumable.remove(owner, patterns, clock.monotonic());
    state.status = "removed";
    this.#listeners.delete(state);
    if (this.#listeners.size > 0) return;
    this.#retry?.stop();
    this.#retry = undefined;
    this.#stopIdle();
    if (this.#connection !== undefined) this.#stopIdle = clock.after(resumeSeconds * 1000, () => this.#disconnect());
  }
}

function isActive({ status }: ListenerState): boolean {
  return status === "active";
}
