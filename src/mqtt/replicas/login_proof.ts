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

/** Login that is proved by each connection under it, as its password may change at the broker. */
export class LoginProof {
  readonly #options: LoginProofOptions;
  readonly #backoff: ReconnectBackoff;
  readonly #ended = new AbortController();
  #isAccepted = false;
  /** Time of the last proof, in milliseconds; undefined before the first one. */
  #acceptedAt: number | undefined;
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
    this.#isAccepted = false;
    if (this.#acceptedAt !== undefined && !this.#isRetrying) void this.#retry(this.#acceptedAt);
  }

  /** Ends all attempts. */
  end(): void {
    this.#isAccepted = false;
    this.#ended.abort();
  }

  async #check(): Promise<void> {
    const { connection, clock, onAccepted, onRefused } = this.#options;
    const { signal } = this.#ended;
    try {
      await connection.check();
    } catch (error) {
      const isFirst = this.#acceptedAt === undefined;
      if (error instanceof BrokerError && (isFirst || error instanceof BrokerLoginError) && !signal.aborted) {
        this.end();
        onRefused(error);
      }
      throw error;
    }
    if (signal.aborted) throw new BrokerError("Connection closed");
    const isFirst = this.#acceptedAt === undefined;
    this.#isAccepted = true;
    this.#acceptedAt = clock.monotonic();
    if (isFirst) onAccepted();
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
