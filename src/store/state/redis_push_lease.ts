/**
 * Lease of the process that listens and sends, of several with the same state on a server of Valkey or Redis.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { errorText } from "../../lib/errors.ts";
import type { Log } from "../../observability/log.ts";
import { RedisScript } from "../redis_script.ts";
import type { RedisDatabase } from "./redis_database.ts";
import { PUSH_PRELUDE, pushKeys } from "./redis_push_schema.ts";
import { StateStoreError } from "./state_store.ts";

/** Interval of renewals, and of looks at the lease of another process, in milliseconds. */
const RENEW_MS = 500;

/** Looks without a renewal after which the lease of another process is taken over. */
const MISSED_RENEWALS = 4;

/**
 * Takes the lease, unless another process renewed it since it was seen. What is marked then was marked by a process that is
 * gone, and is deleted in the same step.
 */
const TAKE = new RedisScript(`${PUSH_PRELUDE}
local token, seen_token, seen_renewals = unpack(ARGV)
if redis.call("EXISTS", subscriptions, rules, states, messages) == 0 then return { "empty" } end
local holder, renewals = redis.call("HGET", lease, "token"), redis.call("HGET", lease, "renewals")
if holder and has_lease(holder) and not (holder == seen_token and renewals == seen_renewals) then
  return { "held", holder, renewals }
end
redis.call("HSET", lease, "token", token, "renewals", 0, "run", server_run())
local interrupted = redis.call("HGETALL", sending)
for index = 1, #interrupted, 2 do remove_message(interrupted[index], interrupted[index + 1]) end
return { "taken", tostring(#interrupted / 2) }`);

const RENEW = new RedisScript(`${PUSH_PRELUDE}
if not has_lease(ARGV[1]) then return 0 end
return redis.call("HINCRBY", lease, "renewals", 1)`);

const RELEASE = new RedisScript(`${PUSH_PRELUDE}
if not has_lease(ARGV[1]) then return 0 end
return redis.call("DEL", lease)`);

const taken = z.union([
  z.tuple([z.literal("empty")]),
  z.tuple([z.literal("held"), z.string(), z.string()]),
  z.tuple([z.literal("taken"), z.string()]),
]);

/** Lease that this process has. */
interface HeldLease {
  readonly token: string;
  /** Aborts when another process may have the lease. */
  readonly lost: AbortController;
}

/**
 * Lease without any time: a process whose renewals another one misses at several of its own looks loses it, and its token
 * is checked in the same step as what it does.
 */
export class PushLease {
  readonly #database: RedisDatabase;
  readonly #log: Log;
  readonly #onInterrupted: (count: number) => void;
  readonly #closing = new AbortController();
  #acquiring: Promise<AbortSignal | undefined> | undefined;
  #held: HeldLease | undefined;
  #renewing: Promise<void> = Promise.resolve();

  /**
   * Makes a lease that is not acquired yet.
   *
   * @param onInterrupted gets the number of messages that a process that is gone was sending
   */
  constructor(
    { database, log, onInterrupted }: {
      readonly database: RedisDatabase;
      readonly log: Log;
      readonly onInterrupted: (count: number) => void;
    },
  ) {
    this.#database = database;
    this.#log = log;
    this.#onInterrupted = onInterrupted;
  }

  /** Token of the lease; undefined while this process does not have it. */
  get token(): string | undefined {
    return this.#held?.token;
  }

  /**
   * Waits until this process has the lease, which it then renews.
   *
   * @returns a signal that aborts when another process may have it; undefined while nothing is stored
   * @throws {StateStoreError} if the server fails, or the lease is closed meanwhile
   */
  async acquire(): Promise<AbortSignal | undefined> {
    if (this.#held !== undefined) return this.#held.lost.signal;
    this.#acquiring ??= this.#acquire().finally(() => this.#acquiring = undefined);
    return await this.#acquiring;
  }

  /** Gives the lease up, because the server may have given it to another process. */
  lose(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#log.info("Another process may listen and send push messages now");
    held.lost.abort();
  }

  /** Releases the lease, so that another process need not wait. Waits for it end with an error. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#acquiring?.catch(() => {});
    await this.#renewing;
    const { token } = this;
    this.#held = undefined;
    if (token === undefined) return;
    await this.#database.run(RELEASE, { keys: pushKeys(this.#database), args: [token] }).catch((error) =>
      this.#log.warn("Other processes wait a moment before they send push messages: {reason}", {
        reason: errorText(error),
      })
    );
  }

  async #acquire(): Promise<AbortSignal | undefined> {
    const token = crypto.randomUUID();
    let seen: readonly [token: string, renewals: string] = ["", ""];
    let looks = 0;
    let isReported = false;
    for (;;) {
      if (this.#closing.signal.aborted) throw new StateStoreError("The state in Redis is closed: the gateway stops");
      const args = [token, ...looks >= MISSED_RENEWALS ? seen : ["", ""]];
      const reply = taken.parse(await this.#database.run(TAKE, { keys: pushKeys(this.#database), args }));
      if (reply[0] === "empty") return undefined;
      if (reply[0] === "taken") return this.#hold(token, Number(reply[1]));
      const [, holder, renewals] = reply;
      looks = holder === seen[0] && renewals === seen[1] ? looks + 1 : 1;
      seen = [holder, renewals];
      if (!isReported) this.#log.info("Another process sends the push messages; this one does once that one ends");
      isReported = true;
      await pause(RENEW_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
  }

  #hold(token: string, interrupted: number): AbortSignal {
    const held: HeldLease = { token, lost: new AbortController() };
    this.#held = held;
    this.#onInterrupted(interrupted);
    this.#renewing = this.#renew(held);
    return held.lost.signal;
  }

  async #renew(held: HeldLease): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await pause(RENEW_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted || this.#held !== held) return;
      try {
        const renewals = await this.#database.run(RENEW, { keys: pushKeys(this.#database), args: [held.token] });
        if (renewals === 0 && this.#held === held) return this.lose();
      } catch {
        // Whether it is lost is known once the server answers again; until then, it refuses nothing and does nothing.
      }
    }
  }
}
