/** Log of messages in memory, which several replicas in one process share, and whose server can fail in all ways. */
import type { EventLog, LogEntry, LogPage } from "../../src/mqtt/replicas/event_log.ts";
import { abortable } from "../../src/lib/async.ts";
import { type LogLimits, LogModel } from "./log_model.ts";

/** Time that a restart takes, in milliseconds. */
const RESTART_MS = 1000;

/** Server of one log. Its faults are for all replicas, or for one of its logs. */
export class MemoryLogServer {
  #model: LogModel;
  readonly #faults = new LogFaults();
  readonly #waiting = new Set<() => void>();
  /** Number of changes. */
  #version = 0;
  /** Time that each command takes to the server, and its answer back, in milliseconds. */
  distanceMs = 0;
  /** Most commands at once so far. */
  mostAtOnce = 0;
  #running = 0;

  constructor(limits?: LogLimits) {
    this.#model = new LogModel(limits);
  }

  /** What the server stores, as of now. */
  get model(): LogModel {
    return this.#model;
  }

  /** Opens the log for one replica. */
  open(): MemoryEventLog {
    return new MemoryEventLog(this);
  }

  /** All commands of all replicas fail from now on, without effect; running reads as well. */
  fail(): void {
    this.#faults.fail();
    this.#wake();
  }

  /** Commands wait from now on; `work()` runs them. */
  freeze(): void {
    this.#faults.freeze();
  }

  /** Ends `fail()` and `freeze()`: waiting commands run. */
  work(): void {
    this.#faults.work();
  }

  /** Restarts the server; its last entries are lost. */
  restart({ lost = 0 } = {}): void {
    this.#model.now += RESTART_MS;
    this.#model.loseTail(lost);
    this.#wake();
  }

  /** Restarts the server as it was at an earlier moment, as returned by `model.copy()`. */
  restore(earlier: LogModel): void {
    this.#model.now += RESTART_MS;
    this.#model.restart(earlier);
    this.#wake();
  }

  /** Deletes everything that the server stores. */
  empty(): void {
    this.#model.empty();
    this.#wake();
  }

  /** Runs a command once neither the server nor the replica's connection has a fault. */
  async run<T>(faults: LogFaults, command: (model: LogModel) => T): Promise<T> {
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running += 1);
    try {
      await this.#travel();
      const result = await this.#inspect(faults, command);
      this.#wake();
      await this.#travel();
      return result;
    } finally {
      this.#running -= 1;
    }
  }

  /** Reads a page; waits for a change while there is none that `isReady` accepts, until a time limit. */
  async read(
    faults: LogFaults,
    after: number,
    { waitMs, signal, isReady }: {
      readonly waitMs: number;
      readonly signal: AbortSignal;
      readonly isReady: (page: LogPage) => boolean;
    },
  ): Promise<LogPage> {
    await this.#travel();
    const end = performance.now() + waitMs;
    for (;;) {
      const version = this.#version;
      const page = await this.#inspect(faults, (model) => model.read(after));
      const left = end - performance.now();
      if (isReady(page) || left <= 0) {
        await this.#travel();
        return page;
      }
      if (version === this.#version) await this.#changed(left, signal);
      signal.throwIfAborted();
    }
  }

  async #inspect<T>(faults: LogFaults, command: (model: LogModel) => T): Promise<T> {
    await faults.pass();
    await this.#faults.pass();
    return command(this.#model);
  }

  async #travel(): Promise<void> {
    if (this.distanceMs > 0) await new Promise((resolve) => setTimeout(resolve, this.distanceMs));
  }

  async #changed(waitMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#waiting.add(resolve);
    try {
      await abortable(promise, signal);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
  }

  #wake(): void {
    this.#version += 1;
    for (const wake of this.#waiting) wake();
  }
}

/** Faults of a server, or of the connection to it. */
export class LogFaults {
  #isFailing = false;
  #thawed: PromiseWithResolvers<void> | undefined;

  /** Commands fail from now on, those that wait too. */
  fail(): void {
    this.#isFailing = true;
    this.#thawed?.resolve();
    this.#thawed = undefined;
  }

  /** Commands wait from now on. */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers();
  }

  /** Ends both. */
  work(): void {
    this.#isFailing = false;
    this.#thawed?.resolve();
    this.#thawed = undefined;
  }

  /** Waits while it is frozen. @throws if it fails */
  async pass(): Promise<void> {
    await this.#thawed?.promise;
    if (this.#isFailing) throw new Error("No connection to the log");
  }
}

/** Log of one replica. */
export class MemoryEventLog implements EventLog {
  /** Faults of the replica's connection to the server. */
  readonly faults: LogFaults = new LogFaults();
  /** Returns whether the server refuses to append entries, as they are too large for it. */
  refuses: (entries: readonly LogEntry[]) => boolean = () => false;
  readonly #server: MemoryLogServer;
  readonly #closed = new AbortController();

  constructor(server: MemoryLogServer) {
    this.#server = server;
  }

  readonly lease: EventLog["lease"] = {
    read: () => this.#run((model) => model.readLease()),
    take: (token, seen) => this.#run((model) => model.take(token, seen)),
    renew: (token) => this.#run((model) => model.renew(token)),
    release: (token) => this.#run((model) => model.release(token)),
  };
  readonly readEpoch: EventLog["readEpoch"] = () => this.#run((model) => model.read(0).epoch);
  readonly append: EventLog["append"] = (token, entries) =>
    this.#run((model) => {
      if (this.refuses(entries)) throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
      return model.append(token, entries);
    });
  readonly readUnacknowledged: EventLog["readUnacknowledged"] = (max) =>
    this.#run((model) => model.readUnacknowledged(max));
  readonly want: EventLog["want"] = (...call) => this.#run((model) => model.want(...call));
  readonly unwant: EventLog["unwant"] = (...call) => this.#run((model) => model.unwant(...call));
  readonly shareOwners: EventLog["shareOwners"] = (...call) => this.#run((model) => model.shareOwners(...call));
  readonly forgetOwners: EventLog["forgetOwners"] = (...call) => this.#run((model) => model.forgetOwners(...call));
  readonly renewReplica: EventLog["renewReplica"] = (replica) => this.#run((model) => model.renewReplica(replica));
  readonly readReplicas: EventLog["readReplicas"] = () => this.#run((model) => model.readReplicas());
  readonly removeReplica: EventLog["removeReplica"] = (...call) => this.#run((model) => model.removeReplica(...call));
  readonly leave: EventLog["leave"] = (replica) => this.#run((model) => model.leave(replica));
  readonly readWanted: EventLog["readWanted"] = () => this.#run((model) => model.readWanted());
  readonly retire: EventLog["retire"] = (token) => this.#run((model) => model.retire(token));

  async read(
    after: number,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<LogPage> {
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    ended.throwIfAborted();
    let epoch: string | undefined;
    const isReady = (page: LogPage) => {
      epoch ??= page.epoch;
      return page.entries.length > 0 || page.epoch !== epoch || page.last < after;
    };
    return await abortable(this.#server.read(this.faults, after, { waitMs, signal: ended, isReady }), ended);
  }

  close(): Promise<void> {
    this.#closed.abort(new Error("The log is closed"));
    return Promise.resolve();
  }

  #run<T>(command: (model: LogModel) => T): Promise<T> {
    return this.#server.run(this.faults, command);
  }
}
