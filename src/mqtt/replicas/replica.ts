/**
 * This process as one of several replicas: its hub, its part in writing the log, and the order of their start and end.
 *
 * @module
 */
import { sleep } from "../../lib/clock.ts";
import { type BrokerError, BrokerLoginError } from "../broker.ts";
import type { Hub } from "../hub/hub.ts";
import type { SharedHub, SharedHubEvents } from "../pool.ts";
import type { Lease } from "./event_log.ts";
import { LeaseHolder } from "./lease_holder.ts";
import { isSameLease, type SeenLease } from "./lease_watch.ts";
import { LogHub, type LogHubOptions } from "./log_hub.ts";
import { LogWriter } from "./log_writer.ts";
import type { WriterSessionOptions } from "./writer_session.ts";

/** Interval in which a replica tells the log that it runs, in milliseconds. */
const RENEWAL_MS = 500;

/** Parts of a replica. */
export interface ReplicaOptions extends Omit<LogHubOptions, "login" | "onWanted" | "onClosedWhileSubscribing"> {
  /** True if a request named the login: the log is neither read nor written before the broker has accepted it. */
  readonly isLoginOfRequest?: boolean;
  /** Returns the identifier of the broker session, as {@linkcode WriterSessionOptions.clientId}. */
  readonly clientId: WriterSessionOptions["clientId"];
  /** Returns a random text, another one at each call. */
  readonly newToken: () => string;
  /** Called with the reason when the writer's connection to the broker ended. */
  readonly onInterrupted: (reason: unknown) => void;
  /** Called as {@linkcode WriterSessionOptions.onLeftOut}. */
  readonly onLeftOut: WriterSessionOptions["onLeftOut"];
}

/** Parts that exist once a pool has opened the hub. */
interface Opened {
  readonly logHub: LogHub;
  readonly writer: LogWriter;
  /** What uses the log; undefined before the broker has accepted the login. */
  running: { readonly holder: LeaseHolder; readonly renewing: Promise<void> } | undefined;
}

/** One replica. */
export class Replica implements SharedHub {
  readonly #options: ReplicaOptions;
  readonly #ended = new AbortController();
  #opened: Opened | undefined;
  #closed: Promise<void> | undefined;
  #takeovers = 0;
  #isChecking = false;
  /** Lease of another replica, or of none, at the last check. */
  #seen: { readonly lease: SeenLease | undefined } | undefined;

  /** Makes a replica that does nothing yet. */
  constructor(options: ReplicaOptions) {
    this.#options = options;
  }

  /** True if it writes the log. */
  get isWriter(): boolean {
    return this.#opened?.running?.holder.token !== undefined;
  }

  /** True while it writes for listeners of any replica: its end would tell them a gap. */
  get isNeeded(): boolean {
    return this.isWriter && (this.#opened?.writer.filters ?? 0) > 0;
  }

  /** Number of times that it became the writer. */
  get takeovers(): number {
    return this.#takeovers;
  }

  /** Number of entries of the log that it has not read, as far as it knows. */
  get lag(): number {
    return this.#opened?.logHub.lag ?? 0;
  }

  /** Number of gaps that it told its listeners. */
  get gaps(): number {
    return this.#opened?.logHub.gaps ?? 0;
  }

  /** Bytes of the messages that it keeps. */
  get bytes(): number {
    return this.#opened?.logHub.bytes ?? 0;
  }

  /** Starts to read the log, and to write it once the lease is free, as {@linkcode SharedHub.open}. */
  open({ onClosedWhileSubscribing, onRefused }: SharedHubEvents): Hub {
    if (this.#opened !== undefined) throw new Error("The replica runs already");
    const { broker, hub, log, clientId, clock, isLoginOfRequest = false, onInterrupted, onLeftOut } = this.#options;
    const writer = new LogWriter({
      log,
      address: broker.address,
      connect: broker.connect,
      clientId,
      timeoutMs: broker.timeoutMs,
      clock,
      random: hub.random,
      resumeSeconds: hub.limits.resumeSeconds,
      onLeftOut,
      onInterrupted(reason) {
        onInterrupted(reason);
        if (reason instanceof BrokerLoginError) logHub.doubtLogin(reason);
      },
    });
    const start = () => this.#start(opened);
    const logHub = new LogHub({
      ...this.#options,
      login: isLoginOfRequest ? { onAccepted: start, onRefused } : undefined,
      onWanted: () => writer.wantedChanged(),
      onClosedWhileSubscribing,
    });
    const opened: Opened = { logHub, writer, running: undefined };
    this.#opened = opened;
    if (!isLoginOfRequest) start();
    return logHub.hub;
  }

  /**
   * Checks that the log can be read, and that a replica writes it; to be called every few seconds.
   *
   * @throws {Error} with words for the operator
   */
  async check(): Promise<void> {
    const { log } = this.#options;
    const { logHub } = this.#opened ?? {};
    if (logHub?.error !== undefined) {
      throw new Error("The shared log cannot be read: check Redis", { cause: logHub.error });
    }
    const lease = await log.lease.read();
    const before = this.#seen;
    this.#seen = this.isWriter ? undefined : { lease };
    if (!this.isWriter && before !== undefined && isSameLease(lease, before.lease)) {
      throw new Error(
        "No replica writes the shared log: check that a replica reaches the broker, and Redis has memory",
      );
    }
  }

  /** Checks that the broker answers on the connections of this replica, as {@linkcode SharedHub.checkConnections}. */
  checkConnections(): void {
    if (this.#opened === undefined || this.#isChecking) return;
    const { logHub, writer } = this.#opened;
    this.#isChecking = true;
    Promise.all([logHub.checkConnection(), writer.check()]).finally(() => this.#isChecking = false);
  }

  /** Ends all subscribers. Gives the lease back, so that another replica writes at once; the broker keeps the session. */
  close(reason: BrokerError): Promise<void> {
    return this.#closed ??= this.#close(reason);
  }

  /**
   * Closes it, and ends what it wants: none of its subscribers is to resume. The log is deleted unless other replicas use
   * it, as key holders who name one login after the other would fill the server.
   */
  leave(reason: BrokerError): Promise<void> {
    return this.#closed ??= this.#close(reason, { isLeaving: true });
  }

  async #close(reason: BrokerError, { isLeaving = false } = {}): Promise<void> {
    const { log, replica } = this.#options;
    this.#ended.abort(reason);
    if (this.#opened !== undefined) {
      const { logHub, writer, running } = this.#opened;
      await Promise.all([logHub.close(reason), writer.lost()]);
      await running?.holder.release();
      // It may have taken the lease again meanwhile.
      await writer.lost();
      await running?.renewing;
      // Without an answer, it expires.
      if (isLeaving && running !== undefined) await log.leave(replica).catch(() => {});
    }
    await log.close();
  }

  /** Starts to read the log, and to write it once the lease is free. */
  #start(opened: Opened): void {
    const { log: { lease }, clock, newToken } = this.#options;
    const { logHub, writer } = opened;
    logHub.start();
    const holder = new LeaseHolder({
      lease: whileAllowed(lease, () => logHub.mayWrite),
      clock,
      newToken,
      held: (token) => {
        this.#takeovers += 1;
        writer.held(token);
      },
      lost: () => void writer.lost(),
    });
    opened.running = { holder, renewing: this.#renew(logHub) };
  }

  /** Tells the log again and again that this replica runs. */
  async #renew(logHub: LogHub): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      // The reader reports that the log fails.
      await logHub.renew().catch(() => {});
      await sleep(RENEWAL_MS, { clock: this.#options.clock, signal }).catch(() => {});
    }
  }
}

/** Returns a lease that is taken only while it is allowed: a login that the broker refuses must not keep others from it. */
function whileAllowed(lease: Lease, isAllowed: () => boolean): Lease {
  return {
    read: () => lease.read(),
    take: async (token, seen) => isAllowed() && await lease.take(token, seen),
    renew: (token) => lease.renew(token),
    release: (token) => lease.release(token),
  };
}
