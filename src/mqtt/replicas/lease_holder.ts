/**
 * Part of a replica that holds the lease of the writer, or waits until the holder is gone.
 *
 * @module
 */
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Lease } from "./event_log.ts";
import { LEASE_INTERVAL_MS, LeaseWatch } from "./lease_watch.ts";

/** Lease, and what is told of it. */
export interface LeaseHolderOptions {
  /** The lease. */
  readonly lease: Lease;
  /** Clock that measures the intervals. */
  readonly clock: Pick<Clock, "after" | "monotonic">;
  /** Returns a random text, another one at each call. */
  readonly newToken: () => string;
  /** Called when the replica takes the lease, with the token under which it appends. */
  readonly held: (token: string) => void;
  /** Called when the lease is another's, or the server ended it. */
  readonly lost: () => void;
}

/**
 * Takes the lease when it is free, or when its renewals stand still; then renews it. Only what the server answers ends
 * it: a holder that cannot reach the server keeps its token, under which the server appends nothing once another has
 * taken it.
 */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  readonly #watch = new LeaseWatch();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #token: string | undefined;

  /** Starts to watch the lease. */
  constructor(options: LeaseHolderOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Token under which the lease is held, as far as is known; undefined if it is not. */
  get token(): string | undefined {
    return this.#token;
  }

  /**
   * Ends the watch, and gives a held lease back. Never throws: a lease that is not given back is taken as any other.
   */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const token = this.#token;
    this.#token = undefined;
    if (token !== undefined) await this.#options.lease.release(token).catch(() => {});
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // The server is unreachable, which its connection logs.
      await this.#step().catch(() => {});
      await sleep(LEASE_INTERVAL_MS, { clock, signal }).catch(() => {});
    }
  }

  async #step(): Promise<void> {
    const { lease, clock, newToken, held } = this.#options;
    if (this.#token !== undefined) {
      if (await lease.renew(this.#token)) return;
      this.#lose();
    }
    const askedAt = clock.monotonic();
    const seen = await lease.read();
    if (!this.#watch.look(seen, { askedAt, now: clock.monotonic() }) || this.#stop.signal.aborted) return;
    const token = newToken();
    if (!await lease.take(token, seen)) return;
    // Also if it was stopped meanwhile, so that it is given back.
    this.#token = token;
    if (!this.#stop.signal.aborted) held(token);
  }

  #lose(): void {
    this.#token = undefined;
    this.#watch.reset();
    this.#options.lost();
  }
}
