/**
 * Durable state on a server of Valkey or Redis, which several gateways share.
 *
 * @module
 */
import { z } from "zod";
import type { Log } from "../../observability/log.ts";
import { RedisScript } from "../redis_script.ts";
import type { FoundPairing, Pairing, PairingClaim, PairingLimit, PendingPairing } from "./pairing_store.ts";
import { RedisDatabase, type RedisDatabaseOptions, type RedisRunner } from "./redis_database.ts";
import * as pairings from "./redis_pairings.ts";
import { RedisPush } from "./redis_push.ts";
import { type StateStore, StateStoreError } from "./state_store.ts";

/** Dependencies of the state. */
export interface RedisStateOptions extends Omit<RedisDatabaseOptions, "prepare"> {
  /** Logger for a server without state, and for which process sends push messages. */
  readonly log: Log;
  /**
   * Brings the state that a gateway had before, before the first use; it is repeated until it succeeds.
   *
   * @returns true if there was one
   * @throws {StateStoreError} if the state cannot be used yet
   */
  readonly prepare?: ((database: RedisRunner) => Promise<boolean>) | undefined;
}

/** Marks the state, unless it is marked: a server that was emptied lacks the mark. */
const MARK = new RedisScript(`
local is_new = redis.call("SET", KEYS[1], ARGV[1], "NX") and 1 or 0
return { is_new, redis.call("GET", KEYS[1]) }`);

const marked = z.tuple([z.number(), z.string()]);

/** Counts one use in one step, so of two processes that claim the last use, one succeeds. */
const CLAIM = new RedisScript(`
if redis.call("GET", KEYS[2]) ~= ARGV[3] then return -1 end
local used = tonumber(redis.call("HGET", KEYS[1], ARGV[1]) or "0")
if not (used < (tonumber(ARGV[2]) or 0)) then return 0 end
redis.call("HINCRBY", KEYS[1], ARGV[1], 1)
return 1`);

const RETURN = new RedisScript(`
if tonumber(redis.call("HGET", KEYS[1], ARGV[1]) or "0") <= 0 then return 0 end
return redis.call("HINCRBY", KEYS[1], ARGV[1], -1)`);

const READ_MARK = new RedisScript(`return redis.call("GET", KEYS[1])`);

const READ = new RedisScript(`return redis.call("HGET", KEYS[1], ARGV[1]) or "0"`);

/** Store on a server, which several processes may use. */
export class RedisState extends RedisPush implements StateStore {
  readonly #database: RedisDatabase;
  readonly #state: { readonly mark: string };

  /** Makes a store; nothing is sent to the server yet. */
  constructor({ log, server, prepare = () => Promise.resolve(false) }: RedisStateOptions) {
    const state = { mark: "" };
    const database = new RedisDatabase({
      server,
      async prepare(runner) {
        const isMoved = await prepare(runner);
        const call = { keys: [runner.key("mark")], args: [crypto.randomUUID()] };
        const [isNew, mark] = marked.parse(await runner.run(MARK, call));
        state.mark = mark;
        if (isNew === 1 && !isMoved) log.warn("Redis has no state of this gateway yet: uses of keys count from 0");
      },
    });
    super(database, log);
    this.#database = database;
    this.#state = state;
  }

  /**
   * Counts one use, as {@linkcode StateStore.claimUse} says. After the server was emptied, it counts none until the gateway
   * is restarted: a key would have all its uses again.
   */
  async claimUse(counter: string, limit: number): Promise<boolean> {
    await this.#database.prepare();
    const args = [counter, String(limit), this.#state.mark];
    const keys = [this.#database.key("uses"), this.#database.key("mark")];
    const reply = await this.#database.runDurably(CLAIM, { keys, args });
    if (reply === -1) throw emptied();
    return reply === 1;
  }

  /** Takes back one counted use. */
  async returnUse(counter: string): Promise<void> {
    await this.#database.run(RETURN, this.#usesOf(counter));
  }

  /** Returns the number of counted uses. */
  async readUses(counter: string): Promise<number> {
    return Number(await this.#database.run(READ, this.#usesOf(counter)));
  }

  /** Adds a code, as {@linkcode StateStore.addPairing} says. */
  addPairing(pairing: Pairing, limit: PairingLimit): Promise<boolean> {
    return pairings.addPairing(this.#database, pairing, limit);
  }

  /** Finds a code by the id of its key. */
  findPairing(kid: string, now: number): Promise<FoundPairing | undefined> {
    return pairings.findPairing(this.#database, kid, now);
  }

  /** Marks a code as used. */
  claimPairing(kid: string, claim: PairingClaim): Promise<boolean> {
    return pairings.claimPairing(this.#database, kid, claim);
  }

  /** Makes a used code valid again. */
  returnPairing(kid: string): Promise<void> {
    return pairings.returnPairing(this.#database, kid);
  }

  /** Lists the codes that wait for their devices. */
  listPairings(now: number): Promise<readonly PendingPairing[]> {
    return pairings.listPairings(this.#database, now);
  }

  /** Removes the codes of a name. */
  removePairings(name: string): Promise<boolean> {
    return pairings.removePairings(this.#database, name);
  }

  /**
   * Prepares the state for use, and checks that the server keeps it and was not emptied.
   *
   * @throws {StateStoreError} if it cannot be used
   */
  async check(): Promise<void> {
    await this.#database.check();
    const mark = await this.#database.run(READ_MARK, { keys: [this.#database.key("mark")], args: [] });
    if (mark !== this.#state.mark) throw emptied();
  }

  #usesOf(counter: string): { readonly keys: string[]; readonly args: string[] } {
    return { keys: [this.#database.key("uses")], args: [counter] };
  }
}

function emptied(): StateStoreError {
  return new StateStoreError(
    "The state in Redis was emptied or replaced while the gateway ran, so no action runs whose uses are counted. " +
      "Restore it from a backup, or restart all gateways; then all uses count from 0",
  );
}
