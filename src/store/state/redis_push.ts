/**
 * Push messages on a server of Valkey or Redis, which several gateways share.
 *
 * @module
 */
import type { Log } from "../../observability/log.ts";
import type {
  Absence,
  AlertBatch,
  PushOwner,
  PushStore,
  QueuedMessage,
  QueueLimits,
  QueueResult,
  RegisteredKey,
  SettledMessage,
  SettleResult,
  StoredAlert,
  StoredRule,
  StoredSubscription,
} from "./push_store.ts";
import type { RedisDatabase } from "./redis_database.ts";
import { setAbsences } from "./redis_push_absences.ts";
import * as keys from "./redis_push_keys.ts";
import { PushLease } from "./redis_push_lease.ts";
import * as queue from "./redis_push_queue.ts";
import { StateStoreError } from "./state_store.ts";

/** Attempts that are remembered: more than a server can lose that syncs its file every second. */
const MAX_ATTEMPTS = 1000;

/** Longest time without a look at the queue, in milliseconds: other replicas add tests that this one sends. */
const POLL_MS = 2000;

/** Push messages on a server. */
export class RedisPush implements PushStore {
  readonly pollMs: number = POLL_MS;
  readonly #database: RedisDatabase;
  readonly #lease: PushLease;
  /** Last attempts of this process by message, the oldest first: a server that was restarted may have forgotten some. */
  readonly #attempts = new Map<string, number>();
  /** Number of interrupted messages that were deleted and are not reported yet. */
  #interrupted = 0;

  /** Makes a store on a server. */
  constructor(database: RedisDatabase, log: Log) {
    this.#database = database;
    this.#lease = new PushLease({ database, log, onInterrupted: (count) => void (this.#interrupted += count) });
  }

  /** Registers the key of the gateway, as {@linkcode PushStore.registerKey} says. */
  registerKey(key: RegisteredKey): Promise<RegisteredKey> {
    return keys.registerKey(this.#database, key);
  }

  /** Adds a subscription, as {@linkcode PushStore.addSubscription} says. */
  addSubscription(subscription: StoredSubscription, { max }: { readonly max: number }): Promise<string | undefined> {
    return keys.addSubscription(this.#database, subscription, max);
  }

  /** Lists all subscriptions, by time of creation. */
  listSubscriptions(): Promise<readonly StoredSubscription[]> {
    return keys.listSubscriptions(this.#database);
  }

  /** Removes a subscription and its messages. */
  removeSubscription(id: string): Promise<number | undefined> {
    return keys.removeSubscription(this.#database, id);
  }

  /** Adds a rule, as {@linkcode PushStore.putRule} says. */
  putRule(rule: StoredRule, { max }: { readonly max: number }): Promise<boolean> {
    return keys.putRule(this.#database, rule, max);
  }

  /** Lists all rules, by key and name. */
  listRules(): Promise<readonly StoredRule[]> {
    return keys.listRules(this.#database);
  }

  /** Removes a rule; false if there is none of that name. */
  removeRule(owner: PushOwner, name: string): Promise<boolean> {
    return keys.removeRule(this.#database, owner, name);
  }

  /** Removes all that a key has. */
  removeOwner(owner: PushOwner): Promise<number> {
    return keys.removeOwner(this.#database, owner);
  }

  /** Lists the keys that have anything here. */
  listOwners(): Promise<readonly PushOwner[]> {
    return keys.listOwners(this.#database);
  }

  /** Replaces the list of absences, as {@linkcode PushStore.setAbsences} says. */
  setAbsences(absences: readonly Absence[], now: number): Promise<readonly number[]> {
    return setAbsences(this.#database, absences, now);
  }

  /** Reads the states of the rules of a key. */
  readRuleStates(owner: PushOwner): Promise<string | undefined> {
    return keys.readRuleStates(this.#database, owner);
  }

  /** Adds alerts and their messages, as {@linkcode PushStore.enqueue} says. */
  async enqueue(batch: AlertBatch, limits: QueueLimits): Promise<QueueResult> {
    const result = await queue.enqueue(this.#database, batch, { limits, token: this.#lease.token });
    if (result !== undefined) return result;
    this.#lease.lose();
    throw new StateStoreError("Another process listens for alerts now");
  }

  /** Lists the recent alerts of a key after a time, the oldest first. */
  listAlerts(owner: PushOwner, since: number): Promise<readonly StoredAlert[]> {
    return queue.listAlerts(this.#database, owner, since);
  }

  /** Marks due messages, as {@linkcode PushStore.claimMessages} says. */
  async claimMessages(
    now: number,
    max: number,
    except: readonly string[] = [],
  ): Promise<{ readonly due: readonly QueuedMessage[]; readonly expired: number }> {
    await this.#lease.acquire();
    const { token } = this.#lease;
    const claimed = token && await queue.claimMessages(this.#database, { token, now, max, except });
    if (claimed) return { ...claimed, due: await this.#withoutForgotten(claimed.due, now) };
    this.#lease.lose();
    return { due: [], expired: 0 };
  }

  /** Ends the attempt to send a message, as {@linkcode PushStore.settleMessage} says. */
  settleMessage(id: number, outcome: SettledMessage): Promise<SettleResult> {
    return queue.settleMessage(this.#database, id, outcome);
  }

  /** Waits until no other process listens and sends, as {@linkcode PushStore.whenAlone} says. */
  whenAlone(): Promise<AbortSignal | undefined> {
    return this.#lease.acquire();
  }

  /** Deletes messages that were marked by a process that is gone, as {@linkcode PushStore.dropInterrupted} says. */
  async dropInterrupted(): Promise<number> {
    await this.#lease.acquire();
    const interrupted = this.#interrupted;
    this.#interrupted = 0;
    return interrupted;
  }

  /** Returns the number of messages, and the time of the next attempt. */
  queueState(
    except: readonly string[] = [],
  ): Promise<{ readonly length: number; readonly next: number | undefined }> {
    return queue.queueState(this.#database, except);
  }

  /** Returns the time at which the oldest message was added; undefined if there is none. */
  oldestMessage(): Promise<number | undefined> {
    return queue.oldestMessage(this.#database);
  }

  /** Lets another process listen and send. */
  async close(): Promise<void> {
    await this.#lease.close();
    await this.#database.close();
  }

  /**
   * Leaves out the messages that this process has sent already, and whose marks the server has lost: they may have arrived,
   * and are deleted.
   */
  async #withoutForgotten(due: readonly QueuedMessage[], now: number): Promise<readonly QueuedMessage[]> {
    const isForgotten = (one: QueuedMessage) => one.attempts <= (this.#attempts.get(attemptKey(one)) ?? 0);
    const forgotten = due.filter(isForgotten);
    const sendable = due.filter((one) => !isForgotten(one));
    for (const one of sendable) {
      this.#attempts.delete(attemptKey(one));
      this.#attempts.set(attemptKey(one), one.attempts);
    }
    for (const oldest of this.#attempts.keys().take(Math.max(0, this.#attempts.size - MAX_ATTEMPTS))) {
      this.#attempts.delete(oldest);
    }
    for (const { id } of forgotten) await this.settleMessage(id, { type: "dropped", now });
    this.#interrupted += forgotten.length;
    return sendable;
  }
}

/** Returns what identifies a message even on a server that was emptied, and counts from 1 again. */
function attemptKey({ id, subscription, alert }: QueuedMessage): string {
  return `${id} ${subscription} ${alert}`;
}
