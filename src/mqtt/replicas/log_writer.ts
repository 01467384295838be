/**
 * Writer of the log: the replica that holds the lease, with the broker session of all replicas.
 *
 * @module
 */
import { sleep } from "../../lib/clock.ts";
import { ReconnectBackoff } from "../../lib/reconnect_backoff.ts";
import { BrokerError } from "../broker.ts";
import { AbsentReplicas, LOOKS } from "./absent_replicas.ts";
import { LeaseLostError } from "./event_log.ts";
import { RefusedMessages } from "./refused_messages.ts";
import { WriterSession, type WriterSessionOptions } from "./writer_session.ts";

/** Shortest interval of looks at the replicas, in milliseconds: several of their renewals. */
const MIN_LOOK_MS = 5000;

/** Shortest time for which the broker keeps the session, in seconds: until a gateway has restarted. */
const MIN_EXPIRY_SECONDS = 60;

/** Wait between attempts to give the lease back, in milliseconds: the connection to the log has a backoff of its own. */
const RELEASE_RETRY_MS = 200;

/**
 * Time of attempts to connect after which a replica gives the lease back, in milliseconds: another one may reach the
 * broker. One attempt that is not answered takes longer; those that are refused at once share it, so that the lease does
 * not move faster where no replica reaches the broker.
 */
const ATTEMPTS_MS = 4000;

/** Configuration of a writer. */
export interface LogWriterOptions extends Omit<WriterSessionOptions, "token" | "expirySeconds" | "refused"> {
  /** Time within which a client may resume, in seconds: so long a replica and the broker's session may be away. */
  readonly resumeSeconds: number;
  /** Called with the reason when a connection to the broker, or the attempt to open it, ended by itself. */
  readonly onInterrupted: (reason: unknown) => void;
}

/** Time between taking and losing the lease. */
interface Term {
  readonly end: AbortController;
  readonly ended: Promise<void>;
  session: WriterSession | undefined;
}

/** Part of the work of a term, which the signal ends. */
interface Work {
  readonly term: Term;
  readonly signal: AbortSignal;
}

/** Writes the log while it has a lease. */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #backoff: ReconnectBackoff;
  readonly #refused: RefusedMessages;
  #term: Term | undefined;

  /** Makes it without a lease. */
  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#backoff = new ReconnectBackoff(options.random);
    this.#refused = new RefusedMessages(() => options.clock.monotonic());
  }

  /**
   * Begins to write under a token, once all that it wrote under another one has ended. If the log fails, it gives the
   * lease back, as a command that failed may still run until then; also if it cannot connect to the broker.
   */
  held(token: string): void {
    const before = this.lost();
    const end = new AbortController();
    const term: Term = { end, ended: before.then(() => this.#run(token, term)), session: undefined };
    this.#term = term;
  }

  /** Ends writing; resolves once the connection to the broker is closed. The broker keeps the session. */
  async lost(): Promise<void> {
    this.#term?.end.abort(new LeaseLostError());
    await this.#term?.ended;
  }

  /** Number of filters that it subscribes to for all replicas. */
  get filters(): number {
    return this.#term?.session?.filters ?? 0;
  }

  /** To be called for each `wanted` entry of the log, and each time that entries may have been missed. */
  wantedChanged(): void {
    this.#term?.session?.updateFilters();
  }

  /** Checks that the broker answers, as {@linkcode WriterSession.check}. */
  async check(): Promise<void> {
    await this.#term?.session?.check();
  }

  async #run(token: string, term: Term): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([term.end.signal, ended.signal]);
    const work = [this.#write(token, { term, signal }), this.#removeAbsentReplicas(token, { term, signal })];
    let failure: unknown;
    await Promise.race(work).catch((error: unknown) => failure = error);
    ended.abort();
    await Promise.allSettled(work);
    if (term.end.signal.aborted || failure instanceof LeaseLostError) return;
    if (!(failure instanceof BrokerError)) this.#options.onInterrupted(failure);
    await this.#release(token, term.end.signal);
  }

  /**
   * Connects to the broker again and again.
   *
   * @throws {LeaseLostError} if another replica holds the lease
   * @throws {BrokerError} if it cannot connect
   * @throws the error of the log, or the signal's reason
   */
  async #write(token: string, { term, signal }: Work): Promise<never> {
    const { log, clock, resumeSeconds, onInterrupted } = this.#options;
    const expirySeconds = Math.max(MIN_EXPIRY_SECONDS, resumeSeconds);
    /** Time of the first of the attempts in a row that failed. */
    let failingSince: number | undefined;
    let isOffline = false;
    for (;;) {
      const session = term.session = new WriterSession({
        ...this.#options,
        token,
        expirySeconds,
        refused: this.#refused,
      });
      const startedAt = clock.monotonic();
      try {
        await session.run(signal);
      } catch (error) {
        if (signal.aborted || !(error instanceof BrokerError)) throw error;
        onInterrupted(error);
        failingSince = session.hasBegun ? undefined : failingSince ?? startedAt;
        // Also checks the lease: a new connection under the same client identifier ends that of another writer.
        if (session.hasBegun || !isOffline) await log.append(token, [{ type: "offline", reason: error.message }]);
        isOffline = true;
        if (failingSince !== undefined && clock.monotonic() - failingSince >= ATTEMPTS_MS) throw error;
      }
      if (session.hasBegun) this.#backoff.connectionEnded(clock.monotonic() - startedAt);
      await sleep(this.#backoff.next(), { clock, signal });
    }
  }

  /** Removes the replicas that are gone; throws as `#write`. */
  async #removeAbsentReplicas(token: string, { term, signal }: Work): Promise<never> {
    const { log, clock, resumeSeconds } = this.#options;
    const lookMs = Math.max(MIN_LOOK_MS, resumeSeconds * 1000 / LOOKS);
    const replicas = new AbsentReplicas();
    for (;;) {
      await sleep(lookMs, { clock, signal });
      for (const replica of replicas.look(await log.readReplicas())) await log.removeReplica(token, replica);
      term.session?.updateFilters();
    }
  }

  /** Gives the lease back, however long the log is away: no append that failed can run after it. */
  async #release(token: string, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    while (!signal.aborted) {
      try {
        return await log.lease.release(token);
      } catch {
        await sleep(RELEASE_RETRY_MS, { clock, signal }).catch(() => {});
      }
    }
  }
}
