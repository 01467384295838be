/**
 * This process as one of several replicas: its hub, its part in writing the log, and the order of their start and end.
 *
 * @module
 */
import { sleep } from "../../lib/clock.ts";
import type { BrokerError } from "../broker.ts";
import type { Hub } from "../hub/hub.ts";
import type { SharedHub } from "../pool.ts";
import { LeaseHolder } from "./lease_holder.ts";
import { isSameLease, type SeenLease } from "./lease_watch.ts";
import { LogHub, type LogHubOptions } from "./log_hub.ts";
import { LogWriter } from "./log_writer.ts";
import type { WriterSessionOptions } from "./writer_session.ts";

/** Interval in which a replica tells the log that it runs, in milliseconds. */
const RENEWAL_MS = 500;

/** Parts of a replica. */
export interface ReplicaOptions extends Omit<LogHubOptions, "onWanted" | "onClosedWhileSubscribing"> {
  /** Returns the identifier of the broker session, as {@linkcode WriterSessionOptions.clientId}. */
  readonly clientId: WriterSessionOptions["clientId"];
  /** Returns a random text, another one at each call. */
  readonly newToken: () => string;
  /** Called with the reason when the writer's connection to the broker ended. */
  readonly onInterrupted: (reason: unknown) => void;
}

/** What runs once a pool has opened the hub. */
interface Running {
  readonly logHub: LogHub;
  readonly writer: LogWriter;
  readonly holder: LeaseHolder;
  readonly renewing: Promise<void>;
}

/** One replica. */
export class Replica implements SharedHub {
  readonly #options: ReplicaOptions;
  readonly #ended = new AbortController();
  #running: Running | undefined;
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
    return this.#running?.holder.token !== undefined;
  }

  /** Number of times that it became the writer. */
  get takeovers(): number {
    return this.#takeovers;
  }

  /** Number of entries of the log that it has not read, as far as it knows. */
  get lag(): number {
    return this.#running?.logHub.lag ?? 0;
  }

  /** Number of gaps that it told its listeners. */
  get gaps(): number {
    return this.#running?.logHub.gaps ?? 0;
  }

  /** Bytes of the messages that it keeps. */
  get bytes(): number {
    return this.#running?.logHub.bytes ?? 0;
  }

  /** Starts to read the log, and to write it once the lease is free, as {@linkcode SharedHub.open}. */
  open(onClosedWhileSubscribing: (owner: string) => void): Hub {
    if (this.#running !== undefined) throw new Error("The replica runs already");
    const { broker, hub, limits, log, clientId, newToken, clock, onInterrupted } = this.#options;
    const writer = new LogWriter({
      log,
      address: broker.address,
      connect: broker.connect,
      clientId,
      timeoutMs: broker.timeoutMs,
      clock,
      random: hub.random,
      resumeSeconds: limits.resumeSeconds ?? 0,
      onInterrupted,
    });
    const logHub = new LogHub({
      ...this.#options,
      onWanted: () => writer.wantedChanged(),
      onClosedWhileSubscribing,
    });
    logHub.start();
    const holder = new LeaseHolder({
      lease: log.lease,
      clock,
      newToken,
      held: (token) => {
        this.#takeovers += 1;
        writer.held(token);
      },
      lost: () => void writer.lost(),
    });
    this.#running = { logHub, writer, holder, renewing: this.#renew(logHub) };
    return logHub.hub;
  }

  /**
   * Checks that the log can be read, and that a replica writes it; to be called every few seconds.
   *
   * @throws {Error} with words for the operator
   */
  async check(): Promise<void> {
    const { log } = this.#options;
    const { logHub } = this.#running ?? {};
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
    if (this.#running === undefined || this.#isChecking) return;
    const { logHub, writer } = this.#running;
    this.#isChecking = true;
    Promise.all([logHub.checkConnection(), writer.check()]).finally(() => this.#isChecking = false);
  }

  /** Ends all subscribers. Gives the lease back, so that another replica writes at once; the broker keeps the session. */
  close(reason: BrokerError): Promise<void> {
    return this.#closed ??= this.#close(reason);
  }

  async #close(reason: BrokerError): Promise<void> {
    this.#ended.abort(reason);
    const running = this.#running;
    if (running !== undefined) {
      const { logHub, writer, holder, renewing } = running;
      await Promise.all([logHub.close(reason), writer.lost()]);
      await holder.release();
      // It may have taken the lease again meanwhile.
      await writer.lost();
      await renewing;
    }
    await this.#options.log.close();
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
