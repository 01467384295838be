/** Push messages in memory, for tests: the model of the other stores. */
import {
  type Absence,
  type AlertBatch,
  MAX_WAIT_MS,
  type NewMessage,
  type PushOwner,
  type PushStore,
  type QueuedMessage,
  type QueueLimits,
  type QueueResult,
  type RegisteredKey,
  type SettledMessage,
  type SettleResult,
  type StoredAlert,
  type StoredRule,
  type StoredSubscription,
} from "../../src/store/state/push_store.ts";
import { compareOwners, compareRules, compareSubscriptions } from "../../src/store/state/push_order.ts";

/** Subscription with the end of the wait after a failed attempt. */
interface Subscription extends StoredSubscription {
  readonly retryAt: number;
}

/** Message, and whether it is being sent. */
interface Message extends QueuedMessage {
  readonly isSending: boolean;
  readonly added: number;
}

/** States of the rules of a key. */
interface RuleStates extends PushOwner {
  readonly json: string;
}

/** Store that forgets everything at its end, so nothing is interrupted. */
export class MemoryPush implements PushStore {
  #subscriptions: readonly Subscription[] = [];
  #rules: readonly StoredRule[] = [];
  #states: readonly RuleStates[] = [];
  #alerts: readonly StoredAlert[] = [];
  #messages: readonly Message[] = [];
  #absences: readonly (Absence & { readonly since: number })[] = [];
  #lastId = 0;
  readonly #alone = new AbortController().signal;

  /** Returns the key: no other process has this store. */
  registerKey(key: RegisteredKey): Promise<RegisteredKey> {
    return Promise.resolve(key);
  }

  /** Adds a subscription, as {@linkcode PushStore.addSubscription} says. */
  addSubscription(added: StoredSubscription, { max }: { readonly max: number }): Promise<string | undefined> {
    const ofKey = this.#subscriptions.filter((one) => isOf(one, added));
    const id = ofKey.find(({ endpoint }) => endpoint === added.endpoint)?.id;
    if (id === undefined && ofKey.length >= max) return Promise.resolve(undefined);
    const subscription = { ...added, id: id ?? added.id, retryAt: 0 };
    this.#subscriptions = [...this.#subscriptions.filter((one) => one.id !== id), subscription];
    return Promise.resolve(subscription.id);
  }

  /** Lists all subscriptions, by time of creation. */
  listSubscriptions(): Promise<readonly StoredSubscription[]> {
    const stored = this.#subscriptions.map(({ retryAt: _, ...subscription }) => subscription);
    return Promise.resolve(stored.toSorted(compareSubscriptions));
  }

  /** Removes a subscription and its messages. */
  removeSubscription(id: string): Promise<number | undefined> {
    const isThere = this.#subscriptions.some((one) => one.id === id);
    return Promise.resolve(isThere ? this.#removeSubscriptions((one) => one.id === id) : undefined);
  }

  /** Adds a rule, as {@linkcode PushStore.putRule} says. */
  putRule(rule: StoredRule, { max }: { readonly max: number }): Promise<boolean> {
    const others = this.#rules.filter((one) => one.name !== rule.name || !isOf(one, rule));
    const isNew = others.length === this.#rules.length;
    if (isNew && others.filter((one) => isOf(one, rule)).length >= max) return Promise.resolve(false);
    this.#rules = [...others, rule];
    return Promise.resolve(true);
  }

  /** Lists all rules, by key and name. */
  listRules(): Promise<readonly StoredRule[]> {
    return Promise.resolve(this.#rules.toSorted(compareRules));
  }

  /** Removes a rule; false if there is none of that name. */
  removeRule(owner: PushOwner, name: string): Promise<boolean> {
    const left = this.#rules.filter((one) => one.name !== name || !isOf(one, owner));
    const isThere = left.length < this.#rules.length;
    this.#rules = left;
    return Promise.resolve(isThere);
  }

  /** Removes all that a key has. */
  removeOwner(owner: PushOwner): Promise<number> {
    this.#rules = this.#rules.filter((one) => !isOf(one, owner));
    this.#states = this.#states.filter((one) => !isOf(one, owner));
    this.#alerts = this.#alerts.filter((one) => !isOf(one, owner));
    return Promise.resolve(this.#removeSubscriptions((one) => isOf(one, owner)));
  }

  /** Lists the keys that have anything here. */
  listOwners(): Promise<readonly PushOwner[]> {
    const all = [...this.#subscriptions, ...this.#rules, ...this.#states, ...this.#alerts];
    const owners = new Map(all.map(({ key, keyCreated }) => [`${keyCreated} ${key}`, { key, keyCreated }]));
    return Promise.resolve([...owners.values()].toSorted(compareOwners));
  }

  /** Replaces the list of absences, as {@linkcode PushStore.setAbsences} says. */
  setAbsences(absences: readonly Absence[], now: number): Promise<readonly number[]> {
    this.#absences = absences.map((one) => {
      const known = this.#absences.find((other) => isOf(other, one) && other.kid === one.kid);
      return { ...one, since: Math.min(known?.since ?? now, now) };
    });
    return Promise.resolve(this.#absences.map(({ since }) => since));
  }

  /** Reads the states of the rules of a key. */
  readRuleStates(owner: PushOwner): Promise<string | undefined> {
    return Promise.resolve(this.#states.find((one) => isOf(one, owner))?.json);
  }

  /** Adds alerts and their messages, as {@linkcode PushStore.enqueue} says. */
  enqueue({ key, keyCreated, alerts, ruleStates }: AlertBatch, limits: QueueLimits): Promise<QueueResult> {
    const { now, maxPerSubscription, max, maxAlerts } = limits;
    const owner = { key, keyCreated };
    const added = alerts.map(({ id, at, json }) => ({ ...owner, id, at, json }));
    const ofKey = [...this.#alerts.filter((one) => isOf(one, owner)), ...added].slice(-maxAlerts);
    this.#alerts = [...this.#alerts.filter((one) => !isOf(one, owner)), ...ofKey];
    if (ruleStates !== undefined) {
      this.#states = [...this.#states.filter((one) => !isOf(one, owner)), { ...owner, json: ruleStates }];
    }
    let [queued, replaced, refused] = [0, 0, 0];
    for (const message of alerts.flatMap(({ messages }) => messages)) {
      const { subscription } = message;
      if (!this.#subscriptions.some(({ id }) => id === subscription)) continue;
      replaced += this.#removeMessages((one) => isWaiting(one) && hasTopicOf(one, message));
      const ofSubscription = this.#messages.filter((one) => one.subscription === subscription);
      if (ofSubscription.length >= maxPerSubscription || this.#messages.length >= max) {
        refused += 1;
        continue;
      }
      const id = this.#lastId += 1;
      this.#messages = [...this.#messages, {
        ...message,
        id,
        attempts: 0,
        isShortened: false,
        isSending: false,
        added: now,
      }];
      queued += 1;
    }
    return Promise.resolve({ queued, replaced, refused });
  }

  /** Lists the recent alerts of a key after a time, the oldest first. */
  listAlerts(owner: PushOwner, since: number): Promise<readonly StoredAlert[]> {
    return Promise.resolve(this.#alerts.filter((one) => isOf(one, owner) && one.at > since));
  }

  /** Marks due messages, as {@linkcode PushStore.claimMessages} says. */
  claimMessages(
    now: number,
    max: number,
    except: readonly string[] = [],
  ): Promise<{ readonly due: readonly QueuedMessage[]; readonly expired: number }> {
    const expired = this.#removeMessages((one) => isWaiting(one) && one.expires <= now);
    const heads = this.#next(except).filter(({ at }) => at <= now || at > now + MAX_WAIT_MS).slice(0, max);
    const ids = new Set(heads.map(({ message }) => message.id));
    this.#messages = this.#messages.map((one) =>
      ids.has(one.id) ? { ...one, attempts: one.attempts + 1, isSending: true } : one
    );
    const due = this.#messages.filter(({ id }) => ids.has(id)).map(({ isSending: _, added: _added, ...message }) =>
      message
    );
    return Promise.resolve({ due, expired });
  }

  /** Ends the attempt to send a message, as {@linkcode PushStore.settleMessage} says. */
  settleMessage(id: number, outcome: SettledMessage): Promise<SettleResult> {
    const message = this.#messages.find((one) => one.id === id && one.isSending);
    if (message === undefined) return Promise.resolve("gone");
    const isReplaced = outcome.type === "retry" &&
      this.#messages.some((one) => one.id > id && hasTopicOf(one, message));
    const { shortened = undefined } = outcome.type === "retry" ? outcome : {};
    const waiting: Message = {
      ...message,
      text: shortened ?? message.text,
      isShortened: message.isShortened || shortened !== undefined,
      isSending: false,
    };
    const isKept = outcome.type === "retry" && !isReplaced;
    this.#messages = this.#messages.flatMap((one) => one !== message ? [one] : isKept ? [waiting] : []);
    this.#subscriptions = this.#subscriptions.map((one) =>
      one.id === message.subscription ? { ...one, ...changeOf(outcome) } : one
    );
    return Promise.resolve(isReplaced ? "replaced" : "settled");
  }

  /** Returns a signal that never aborts: no other process has this store. */
  whenAlone(): Promise<AbortSignal | undefined> {
    return Promise.resolve(this.#alone);
  }

  /** Returns 0: what was being sent is forgotten with everything else. */
  dropInterrupted(): Promise<number> {
    return Promise.resolve(0);
  }

  /** Returns the number of messages, and the time of the next attempt. */
  queueState(except: readonly string[] = []): Promise<{ readonly length: number; readonly next: number | undefined }> {
    const times = this.#next(except).map(({ at }) => at);
    return Promise.resolve({
      length: this.#messages.length,
      next: times.length === 0 ? undefined : Math.min(...times),
    });
  }

  /** Returns the time at which the oldest message was added; undefined if there is none. */
  oldestMessage(): Promise<number | undefined> {
    return Promise.resolve(this.#messages[0]?.added);
  }

  /** Returns the message of each subscription that is sent next, by age, with the time. */
  #next(except: readonly string[]): readonly { readonly message: Message; readonly at: number }[] {
    return this.#subscriptions.flatMap(({ id, retryAt }) => {
      const messages = this.#messages.filter(({ subscription }) => subscription === id);
      const [message] = except.includes(id) ? [] : messages;
      return message === undefined || messages.some(({ isSending }) => isSending) ? [] : [{ message, at: retryAt }];
    }).toSorted((one, other) => one.message.id - other.message.id);
  }

  #removeSubscriptions(isRemoved: (subscription: Subscription) => boolean): number {
    const ids = new Set(this.#subscriptions.filter(isRemoved).map(({ id }) => id));
    this.#subscriptions = this.#subscriptions.filter(({ id }) => !ids.has(id));
    const waited = this.#removeMessages((one) => ids.has(one.subscription) && isWaiting(one));
    this.#removeMessages(({ subscription }) => ids.has(subscription));
    return waited;
  }

  #removeMessages(isRemoved: (message: Message) => boolean): number {
    const before = this.#messages.length;
    this.#messages = this.#messages.filter((one) => !isRemoved(one));
    return before - this.#messages.length;
  }
}

/** Returns the change of a subscription by the outcome for a message. */
function changeOf(outcome: SettledMessage): Partial<Subscription> {
  switch (outcome.type) {
    case "sent":
      return { lastSuccess: outcome.now, retryAt: 0 };
    case "dropped":
      return { lastFailure: outcome.now, retryAt: 0 };
    case "retry":
      return { retryAt: outcome.at };
  }
}

function isWaiting({ isSending }: Message): boolean {
  return !isSending;
}

function hasTopicOf(one: NewMessage, other: NewMessage): boolean {
  return one.topic !== undefined && one.topic === other.topic && one.subscription === other.subscription;
}

function isOf(one: PushOwner, other: PushOwner): boolean {
  return one.key === other.key && one.keyCreated === other.keyCreated;
}
