/**
 * Hub of one replica that gets its messages from the shared log.
 *
 * @module
 */
import type { Clock } from "../../lib/clock.ts";
import type { Deadlines } from "../../lib/deadlines.ts";
import { type BrokerAddress, BrokerError, type ConnectBroker } from "../broker.ts";
import { Hub, type HubConfig } from "../hub/hub.ts";
import type { EventHistory } from "../hub/history.ts";
import { SharedConnection } from "../shared_connection.ts";
import type { EventLog, LogState, StoredLogEntry } from "./event_log.ts";
import { LogHistory } from "./log_history.ts";
import { type LogFollower, LogReader } from "./log_reader.ts";
import { LogSource } from "./log_source.ts";
import { LoginProof, type LoginProofOptions } from "./login_proof.ts";

/** Parts of the hub. */
export interface LogHubOptions {
  /** The log. */
  readonly log: EventLog;
  /** Random id of this replica. */
  readonly replica: string;
  /** Broker and login of the log. */
  readonly broker: {
    /** Its address. */
    readonly address: BrokerAddress;
    /** Opens connections, for retained messages. */
    readonly connect: ConnectBroker;
    /** Longest wait for connection and response together, in milliseconds. */
    readonly timeoutMs: number;
  };
  /** Configuration of the hub; its history is one of its own. */
  readonly hub: Omit<HubConfig, "history">;
  /** Keeps the messages that are read. */
  readonly memory: EventHistory;
  /** Consequences of the proof of a login that a request names; undefined for the gateway's own login. */
  readonly login?: Pick<LoginProofOptions, "onAccepted" | "onRefused"> | undefined;
  /** Clock of timestamps and timeouts. */
  readonly clock: Clock;
  /** Timeouts of commands; with timers of their own by default. */
  readonly deadlines?: Deadlines | undefined;
  /** Called when the log cannot be read, once until it works again; with undefined when it does. */
  readonly onChange: (error: unknown) => void;
  /** Called when the filters that replicas want may have changed; the writer subscribes to them. */
  readonly onWanted: () => void;
  /** Called with the owner of each subscriber whose request was pending when the connection closed. */
  readonly onClosedWhileSubscribing: (owner: string) => void;
}

/** Hub with the reader that feeds it. */
export class LogHub implements LogFollower {
  /** The hub. */
  readonly hub: Hub;
  readonly #options: LogHubOptions;
  readonly #history: LogHistory;
  readonly #connection: SharedConnection;
  readonly #source: LogSource;
  readonly #reader: LogReader;
  readonly #login: LoginProof | undefined;
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;
  #hasBegun = false;
  /** True after a gap, until the broker has granted the filters to the writer. */
  #isGrantAwaited = false;
  /** True once the log has known this replica. */
  #isRegistered = false;
  /** True while the log has to be told again what this replica wants. */
  #isForgotten = false;
  /** Filters that the log had forgotten, until the broker has granted them again to the writer. */
  readonly #missing = new Set<string>();
  #gaps = 0;

  /** Makes a hub that reads nothing yet. */
  constructor(options: LogHubOptions) {
    this.#options = options;
    const { log, replica, clock, deadlines, broker: { address, connect, timeoutMs } } = options;
    const history = new LogHistory(options.memory);
    const connection: SharedConnection = new SharedConnection(address, {
      connect,
      clock,
      deadlines,
      timeoutMs,
      // Live messages come from the log.
      onMessage: (message) => message.retain ? this.hub.receive(message) : undefined,
      onClosed: () => {
        this.#source.connectionClosed();
        this.hub.retainedConnectionClosed();
        this.#login?.doubt();
      },
    });
    const { random } = options.hub;
    this.#login = options.login && new LoginProof({ ...options.login, connection, clock, random });
    const { onFault } = options.hub;
    const reader = new LogReader({ log, follower: this, clock, onChange: options.onChange, onFault });
    const source = new LogSource({
      log,
      replica,
      connection,
      history,
      reader,
      timeoutMs,
      clock,
      login: this.#login,
      onUnknown: () => this.renew(),
    });
    this.hub = new Hub({
      source,
      config: { ...options.hub, history },
      clock,
      onClosedWhileSubscribing: options.onClosedWhileSubscribing,
    });
    this.#history = history;
    this.#connection = connection;
    this.#source = source;
    this.#reader = reader;
  }

  /** Number of entries of the log that are not read yet, as far as is known. */
  get lag(): number {
    return this.#reader.lag;
  }

  /** Number of gaps so far. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Bytes of the messages that are kept. */
  get bytes(): number {
    return this.#history.bytes;
  }

  /** Error of the last attempts to read the log; undefined if one of them succeeded. */
  get error(): unknown {
    return this.#reader.error;
  }

  /** True if this replica may write: always with the gateway's own login, else while the broker accepts the login. */
  get mayWrite(): boolean {
    return this.#login === undefined || this.#login.isAccepted;
  }

  /** Connects anew, as the broker did not accept the login on another connection. */
  doubtLogin(reason: BrokerError): void {
    if (this.#login === undefined) return;
    this.#login.doubt();
    void this.#connection.close(reason);
  }

  /** Starts to read. */
  start(): void {
    this.#running ??= this.#reader.run(this.#ended.signal);
  }

  /**
   * Tells the log that this replica runs.
   *
   * @throws the log's error
   */
  async renew(): Promise<void> {
    const { log, replica } = this.#options;
    if (await log.renewReplica(replica) === 1 && this.#isRegistered) this.#isForgotten = true;
    this.#isRegistered = true;
    if (!this.#isForgotten) return;
    const missing = await this.#source.wantAgain();
    this.#isForgotten = false;
    // The writer has ended these subscriptions: what it does not get until it begins them again is missing.
    for (const filter of missing) this.#missing.add(filter);
    if (missing.length > 0 || !this.#source.wantsFilters) return;
    this.#history.next();
    this.#gap();
    this.#requestRetained();
  }

  /** Closes an open connection for retained messages on which the broker does not answer. Never rejects. */
  async checkConnection(): Promise<void> {
    if (this.#connection.isOpen) await this.#connection.check().catch(() => {});
  }

  /** Ends all subscribers, stops reading and closes the connection; the log keeps what this replica wants for a time. */
  async close(reason: BrokerError): Promise<void> {
    this.#ended.abort(reason);
    this.#login?.end();
    this.hub.close(reason);
    await this.#connection.close(reason);
    await this.#running;
  }

  /** Begins with a log, as {@linkcode LogFollower.begin}. */
  begin(state: LogState): void {
    this.#history.begin(state);
    if (this.#hasBegun) {
      this.#source.restart();
      this.hub.restartLog(this.#history.position);
      this.#gaps += 1;
    }
    this.#hasBegun = true;
    this.#options.onWanted();
  }

  /** Records a gap, as {@linkcode LogFollower.trimmed}. */
  trimmed(first: number): void {
    this.#history.advance(first - 1);
    // If the writer is offline, its word may be among what was deleted.
    this.#source.online();
    this.#gap();
    this.#requestRetained();
    this.#options.onWanted();
  }

  /** Passes on an entry, as {@linkcode LogFollower.entry}. */
  entry({ sequence, entry }: StoredLogEntry): Promise<void> | undefined {
    const position = this.#history.advance(sequence);
    switch (entry.type) {
      case "message":
        if (this.#login?.mayReceive() === false) return undefined;
        return this.hub.receiveLogged(entry.message, { position, receivedAt: entry.receivedAt });
      case "gap":
        this.#source.online();
        this.#login?.writerConnected();
        this.#gap();
        this.#isGrantAwaited = true;
        return undefined;
      case "offline":
        this.#source.offline(entry.reason);
        this.hub.writerOffline(new BrokerError(entry.reason));
        return undefined;
      case "granted":
        this.#source.granted(sequence, entry.filters);
        if (entry.filters.filter(([filter]) => this.#missing.delete(filter)).length > 0) {
          this.#gap();
          this.#isGrantAwaited = true;
        }
        // Not before: the writer was not subscribed, or got messages that had waited at the broker.
        if (this.#isGrantAwaited) this.#requestRetained();
        this.#isGrantAwaited = false;
        return undefined;
      case "wanted":
        this.#options.onWanted();
        return undefined;
    }
  }

  #gap(): void {
    this.#history.recordGap();
    if (this.hub.isInUse) this.#gaps += 1;
    this.hub.gapInLog(this.#history.position);
  }

  #requestRetained(): void {
    this.#history.recordRequest();
    this.hub.requestRetained();
  }
}
