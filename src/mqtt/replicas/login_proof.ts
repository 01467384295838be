/**
 * Proof that the broker accepts a login which came with a request.
 *
 * @module
 */
import { type Clock, sleep } from "../../lib/clock.ts";
import { ReconnectBackoff } from "../../lib/reconnect_backoff.ts";
import { BrokerError, BrokerLoginError } from "../broker.ts";
import type { SharedConnection } from "../shared_connection.ts";

/** Parts of a proof. */
export interface LoginProofOptions {
  /** Connection under the login. */
  readonly connection: Pick<SharedConnection, "check">;
  /** Clock of the waits. */
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Returns a random number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Called once: when the broker has accepted the login for the first time. */
  readonly onAccepted: () => void;
  /** Called once: if the first attempt fails, or when the broker does not accept the login any more. */
  readonly onRefused: (reason: BrokerError) => void;
}

/**
 * Longest doubt while the writer has a connection, in milliseconds: more than the longest wait and the attempt after it.
 * A broker may refuse a login by closing the connection without a word.
 */
const MAX_DOUBT_MS = 60_000;

/** Login that is proved by each connection under it, as its password may change at the broker. */
export class LoginProof {
  readonly #options: LoginProofOptions;
  readonly #backoff: ReconnectBackoff;
  readonly #ended = new AbortController();
  #isAccepted = false;
  /** Time of the last proof, in milliseconds; undefined before the first one. */
  #acceptedAt: number | undefined;
  /** Time since which the writer can reach the broker, and this login may be refused, in milliseconds. */
  #doubtedAt = 0;
  #checking: Promise<void> | undefined;
  #isRetrying = false;

  /** Makes a proof that is not tried yet. */
  constructor(options: LoginProofOptions) {
    this.#options = options;
    this.#backoff = new ReconnectBackoff(options.random);
  }

  /** True if the broker has accepted it, on the connection that was opened last. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /**
   * Waits until the broker has accepted it.
   *
   * @throws {BrokerError} if it does not, or cannot be reached
   */
  required(): Promise<void> {
    if (this.#isAccepted) return Promise.resolve();
    return this.#checking ??= this.#check().finally(() => this.#checking = undefined);
  }

  /** Tries it again and again, as the connection closed, until the broker accepts it or not. */
  doubt(): void {
    if (this.#isAccepted) this.#doubtedAt = this.#options.clock.monotonic();
    this.#isAccepted = false;
    if (this.#acceptedAt !== undefined && !this.#isRetrying) void this.#retry(this.#acceptedAt);
  }

  /** Records that the writer has connected: from now on, the broker can be reached. */
  writerConnected(): void {
    this.#doubtedAt = this.#options.clock.monotonic();
  }

  /** Returns whether messages may be passed on; the login counts as refused once it was in doubt for too long. */
  mayReceive(): boolean {
    if (this.#isAccepted) return true;
    const { clock } = this.#options;
    if (!this.#ended.signal.aborted && clock.monotonic() - this.#doubtedAt < MAX_DOUBT_MS) return true;
    this.#refuse(new BrokerError("Broker does not accept the login any more"));
    return false;
  }

  /** Ends all attempts. */
  end(): void {
    this.#isAccepted = false;
    this.#ended.abort();
  }

  async #check(): Promise<void> {
    const { connection, clock, onAccepted } = this.#options;
    const { signal } = this.#ended;
    try {
      await connection.check();
    } catch (error) {
      const isFirst = this.#acceptedAt === undefined;
      if (error instanceof BrokerError && (isFirst || error instanceof BrokerLoginError)) this.#refuse(error);
      throw error;
    }
    if (signal.aborted) throw new BrokerError("Connection closed");
    const isFirst = this.#acceptedAt === undefined;
    this.#isAccepted = true;
    this.#acceptedAt = clock.monotonic();
    if (isFirst) onAccepted();
  }

  #refuse(reason: BrokerError): void {
    if (this.#ended.signal.aborted) return;
    this.end();
    this.#options.onRefused(reason);
  }

  async #retry(acceptedAt: number): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ended;
    this.#backoff.connectionEnded(clock.monotonic() - acceptedAt);
    this.#isRetrying = true;
    while (!this.#isAccepted && !signal.aborted) {
      await sleep(this.#backoff.next(), { clock, signal }).catch(() => {});
      // Unless the broker refuses it, it is unreachable, which the writer tells all listeners.
      if (!signal.aborted) await this.required().catch(() => {});
    }
    this.#isRetrying = false;
  }
}
