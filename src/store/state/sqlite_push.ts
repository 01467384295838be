/**
 * Push messages in an embedded database, where a crash or a power failure loses none without a trace.
 *
 * @module
 */
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
import type { StateDatabase } from "./sqlite_database.ts";
import { setAbsences } from "./sqlite_push_absences.ts";
import * as keys from "./sqlite_push_keys.ts";
import * as queue from "./sqlite_push_queue.ts";

/** Push messages in a SQLite database. Without its file, nothing is there; what adds something creates the file. */
export class SqlitePush implements PushStore {
  readonly #database: StateDatabase;
  /** Never aborts: the operating system takes the lock back only at the end of this process. */
  readonly #alone = new AbortController().signal;
  #start: Promise<boolean> | undefined;
  /** Number of interrupted messages that were deleted and are not reported yet. */
  #interrupted = 0;

  /** Makes a store in a database. */
  constructor(database: StateDatabase) {
    this.#database = database;
  }

  /** Returns the key: the file of the key is beside that of the database. */
  registerKey(key: RegisteredKey): Promise<RegisteredKey> {
    return Promise.resolve(key);
  }

  /** Adds a subscription, as {@linkcode PushStore.addSubscription} says. */
  addSubscription(subscription: StoredSubscription, { max }: { readonly max: number }): Promise<string | undefined> {
    return this.#database.use((database) => keys.addSubscription(database, subscription, max));
  }

  /** Lists all subscriptions, by time of creation. */
  listSubscriptions(): Promise<readonly StoredSubscription[]> {
    return this.#database.useIfPresent([], keys.listSubscriptions);
  }

  /** Removes a subscription and its messages. */
  removeSubscription(id: string): Promise<number | undefined> {
    return this.#database.useIfPresent(undefined, (database) => keys.removeSubscription(database, id));
  }

  /** Adds a rule, as {@linkcode PushStore.putRule} says. */
  putRule(rule: StoredRule, { max }: { readonly max: number }): Promise<boolean> {
    return this.#database.use((database) => keys.putRule(database, rule, max));
  }

  /** Lists all rules, by key and name. */
  listRules(): Promise<readonly StoredRule[]> {
    return this.#database.useIfPresent([], keys.listRules);
  }

  /** Removes a rule; false if there is none of that name. */
  removeRule(owner: PushOwner, name: string): Promise<boolean> {
    return this.#database.useIfPresent(false, (database) => keys.removeRule(database, owner, name));
  }

  /** Removes all that a key has. */
  removeOwner(owner: PushOwner): Promise<number> {
    return this.#database.useIfPresent(0, (database) => keys.removeOwner(database, owner));
  }

  /** Lists the keys that have anything here. */
  listOwners(): Promise<readonly PushOwner[]> {
    return this.#database.useIfPresent([], keys.listOwners);
  }

  /** Replaces the list of absences, as {@linkcode PushStore.setAbsences} says. */
  setAbsences(absences: readonly Absence[], now: number): Promise<readonly number[]> {
    return this.#database.useIfPresent([], (database) => setAbsences(database, absences, now));
  }

  /** Reads the states of the rules of a key. */
  readRuleStates(owner: PushOwner): Promise<string | undefined> {
    return this.#database.useIfPresent(undefined, (database) => keys.readRuleStates(database, owner));
  }

  /** Adds alerts and their messages, as {@linkcode PushStore.enqueue} says. */
  enqueue(batch: AlertBatch, limits: QueueLimits): Promise<QueueResult> {
    return this.#database.use((database) => queue.enqueue(database, batch, limits));
  }

  /** Lists the recent alerts of a key after a time, the oldest first. */
  listAlerts(owner: PushOwner, since: number): Promise<readonly StoredAlert[]> {
    return this.#database.useIfPresent([], (database) => queue.listAlerts(database, owner, since));
  }

  /** Marks due messages, as {@linkcode PushStore.claimMessages} says. */
  async claimMessages(
    now: number,
    max: number,
    except: readonly string[] = [],
  ): Promise<{ readonly due: readonly QueuedMessage[]; readonly expired: number }> {
    await this.whenAlone();
    const nothing = { due: [], expired: 0 };
    return await this.#database.useIfPresent(nothing, (database) => queue.claimMessages(database, now, max, except));
  }

  /** Ends the attempt to send a message, as {@linkcode PushStore.settleMessage} says. */
  settleMessage(id: number, outcome: SettledMessage): Promise<SettleResult> {
    return this.#database.useIfPresent("gone", (database) => queue.settleMessage(database, id, outcome));
  }

  /** Deletes messages that were marked by a process that is gone, as {@linkcode PushStore.dropInterrupted} says. */
  async dropInterrupted(): Promise<number> {
    await this.whenAlone();
    const interrupted = this.#interrupted;
    this.#interrupted = 0;
    return interrupted;
  }

  /** Returns the number of messages, and the time of the next attempt. */
  queueState(
    except: readonly string[] = [],
  ): Promise<{ readonly length: number; readonly next: number | undefined }> {
    const nothing = { length: 0, next: undefined };
    return this.#database.useIfPresent(nothing, (database) => queue.queueState(database, except));
  }

  /** Returns the time at which the oldest message was added; undefined if there is none. */
  oldestMessage(): Promise<number | undefined> {
    return this.#database.useIfPresent(undefined, queue.oldestMessage);
  }

  /**
   * Waits until no other process listens and sends, as {@linkcode PushStore.whenAlone} says. What is marked in that moment
   * was marked by a process that is gone, and is deleted.
   */
  async whenAlone(): Promise<AbortSignal | undefined> {
    this.#start ??= this.#dropMarked();
    try {
      return await this.#start ? this.#alone : undefined;
    } catch (error) {
      // After its remedy, the next attempt succeeds.
      this.#start = undefined;
      throw error;
    }
  }

  async #dropMarked(): Promise<boolean> {
    const isAlone = await this.#database.lockIfPresent();
    if (isAlone) this.#interrupted += await this.#database.use(queue.dropInterrupted);
    else this.#start = undefined;
    return isAlone;
  }
}
