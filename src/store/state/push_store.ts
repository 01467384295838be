/**
 * Store of push messages: subscriptions of devices, rules of keys, messages that wait for being sent, recent alerts.
 *
 * @module
 */
import type { Urgency } from "../../push/rules/rule.ts";

/** Key that a subscription or a rule belongs to. */
export interface PushOwner {
  /** Name of the key. */
  readonly key: string;
  /** Time of its creation, in milliseconds since 1970: another key may have its name later. */
  readonly keyCreated: number;
}

/** Subscription of a device, as it is stored. */
export interface StoredSubscription extends PushOwner {
  /** Random id, 16 hexadecimal characters. */
  readonly id: string;
  /** Id of the secret that the device subscribed with: a key that gets a new one loses its subscriptions. */
  readonly kid: string;
  /** Address at the push service. Secret. */
  readonly endpoint: string;
  /** Public key of the device, base64url of 65 bytes. */
  readonly p256dh: string;
  /** Authentication secret of the device, base64url of 16 bytes. */
  readonly auth: string;
  /** Kind of the receiver. */
  readonly kind: "web" | "unifiedpush";
  /** Text for people. */
  readonly label?: string | undefined;
  /** Time of its creation, in milliseconds since 1970. */
  readonly created: number;
  /** Time at which a push service last accepted a message for it, in milliseconds since 1970. */
  readonly lastSuccess?: number | undefined;
  /** Time at which a message for it was last given up, in milliseconds since 1970. */
  readonly lastFailure?: number | undefined;
}

/** Key of the gateway for push services, as all gateways with the same store know it. */
export interface RegisteredKey {
  /** Public key, base64url of 65 bytes. */
  readonly publicKey: string;
  /** Key pair, encrypted for the other gateways; undefined where each has a copy of its file. */
  readonly sealed?: string | undefined;
}

/** Key that is in no key file, or an earlier secret of one that is. */
export interface Absence extends PushOwner {
  /** Id of the secret; empty for the key itself. */
  readonly kid: string;
}

/** Rule of a key, as it is stored. */
export interface StoredRule extends PushOwner {
  /** Name, one of its kind among the rules of the key. */
  readonly name: string;
  /** The rule as the client sent it, as JSON text. */
  readonly json: string;
}

/** Alert of a key, which its devices can list. */
export interface StoredAlert extends PushOwner {
  /** Random id, 16 hexadecimal characters, the same in all messages of the alert. */
  readonly id: string;
  /** Time of the event, in milliseconds since 1970. */
  readonly at: number;
  /** The alert as devices get it, as JSON text. */
  readonly json: string;
}

/** Message for one subscription, which waits for being sent. */
export interface QueuedMessage {
  /** Number of the message; later ones are higher. */
  readonly id: number;
  /** Id of the subscription. */
  readonly subscription: string;
  /** Id of the alert. */
  readonly alert: string;
  /** Text of the message, before its encryption. */
  readonly text: string;
  /** Importance. */
  readonly urgency: Urgency;
  /** Name under which it replaces an older one that waits. */
  readonly topic?: string | undefined;
  /** End of its lifetime, in milliseconds since 1970. */
  readonly expires: number;
  /** Number of attempts so far, with the one that is under way. */
  readonly attempts: number;
  /** True once the message was shortened. */
  readonly isShortened: boolean;
}

/** Message to add. */
export type NewMessage = Omit<QueuedMessage, "id" | "attempts" | "isShortened">;

/** Alert to add, with its messages. */
export interface NewAlert extends Omit<StoredAlert, keyof PushOwner> {
  /** One for each subscription that gets it. */
  readonly messages: readonly NewMessage[];
}

/** Alerts of one key that are added together. */
export interface AlertBatch extends PushOwner {
  /** Alerts, the oldest first. */
  readonly alerts: readonly NewAlert[];
  /**
   * True for what came of listening, which every process would add that listens: it is added only by the one that
   * `whenAlone` chose. False for what a request asked for.
   */
  readonly isListened: boolean;
  /** States of the rules of the key after these alerts, as JSON text; undefined where they stay as they are stored. */
  readonly ruleStates?: string | undefined;
}

/** Limits of the queue and of the recent alerts. */
export interface QueueLimits {
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Most messages of one subscription, with the one that is being sent; a further one is refused. */
  readonly maxPerSubscription: number;
  /** Most messages in all; a further one is refused. */
  readonly max: number;
  /** Most recent alerts that are kept of one key; the oldest are deleted. */
  readonly maxAlerts: number;
}

/** Numbers of messages that were added, replaced or refused. */
export interface QueueResult {
  /** Number that waits now. */
  readonly queued: number;
  /** Number of older ones that were replaced by their topic. */
  readonly replaced: number;
  /** Number that was not added, as too many wait. */
  readonly refused: number;
}

/** Outcome of an attempt to send a message. */
export type SettledMessage =
  | {
    /** Distinguishes it: the push service has the message, which is deleted. */
    readonly type: "sent";
    /** The time, in milliseconds since 1970. */
    readonly now: number;
  }
  | {
    /** Distinguishes it: the message is given up and deleted. */
    readonly type: "dropped";
    /** The time, in milliseconds since 1970. */
    readonly now: number;
  }
  | {
    /** Distinguishes it: the message waits again. */
    readonly type: "retry";
    /** Time of the next attempt, in milliseconds since 1970. */
    readonly at: number;
    /** Text in place of the message's, which was too long. */
    readonly shortened?: string | undefined;
  };

/** Longest wait for the next attempt, in milliseconds: push services can ask for an hour. */
export const MAX_WAIT_MS = 2 * 60 * 60 * 1000;

/**
 * Result of {@linkcode PushStore.settleMessage}: `replaced` for a message that was to wait again while a newer one with
 * its topic waits, and that is deleted therefore; `gone` for one whose subscription was removed meanwhile.
 */
export type SettleResult = "settled" | "replaced" | "gone";

/**
 * Store of push messages. Each change is stored when its promise settles: on disk, or on a server that may lose its
 * newest second when its machine fails. A message is marked before it is sent, so that no crash of a gateway lets it be
 * sent twice: one that was marked and not settled is given up by the next process that sends, and counted. Of several
 * processes with the same store, one sends. Texts have no NUL. Every method throws if it fails.
 */
export interface PushStore {
  /**
   * Longest time without a look at the queue, in milliseconds, where other processes often add messages that this one
   * sends; absent where they rarely do.
   */
  readonly pollMs?: number;
  /**
   * Registers the key of the gateway for push services, unless another one is registered.
   *
   * @returns the registered key
   */
  registerKey(key: RegisteredKey): Promise<RegisteredKey>;
  /**
   * Adds a subscription, in place of one with the same endpoint of the same key, whose messages it gets.
   *
   * @param max most subscriptions of a key
   * @returns id of the subscription, that of the replaced one where there was one; undefined if there are too many
   */
  addSubscription(subscription: StoredSubscription, limit: { readonly max: number }): Promise<string | undefined>;
  /** Lists all subscriptions, by time of creation. */
  listSubscriptions(): Promise<readonly StoredSubscription[]>;
  /**
   * Removes a subscription and its messages.
   *
   * @returns number of its messages that waited, without the one that is being sent; undefined if there is no such
   * subscription
   */
  removeSubscription(id: string): Promise<number | undefined>;
  /**
   * Adds a rule, in place of the one with its name.
   *
   * @param max most rules of a key
   * @returns false if there are too many; then nothing changes
   */
  putRule(rule: StoredRule, limit: { readonly max: number }): Promise<boolean>;
  /** Lists all rules, by key and name. */
  listRules(): Promise<readonly StoredRule[]>;
  /** Removes a rule; false if there is none of that name. */
  removeRule(owner: PushOwner, name: string): Promise<boolean>;
  /** Removes rules, alerts, states, subscriptions and messages of a key. Returns the number of its messages that waited. */
  removeOwner(owner: PushOwner): Promise<number>;
  /** Lists the keys that have anything here, by name and time of creation. */
  listOwners(): Promise<readonly PushOwner[]>;
  /**
   * Replaces the list of absences. Those that are in it already keep their time, unless that is later than now, as the
   * clock was set back.
   *
   * @param absences each once
   * @param now the time, in milliseconds since 1970
   * @returns since when each is absent, in the order of the list
   */
  setAbsences(absences: readonly Absence[], now: number): Promise<readonly number[]>;
  /** Reads the states of the rules of a key, as JSON text; undefined if there are none. */
  readRuleStates(owner: PushOwner): Promise<string | undefined>;
  /**
   * Adds alerts to the recent ones of their key, their messages to the queue, and the states of its rules; all in one
   * transaction, so that no crash leaves a state that says that a device was told, and no message. A message with a topic
   * replaces those of the same subscription and topic that are not being sent. One for a subscription that is not there is
   * left out.
   *
   * @throws {Error} also if the batch came of listening, and another process listens now
   */
  enqueue(batch: AlertBatch, limits: QueueLimits): Promise<QueueResult>;
  /**
   * Lists the recent alerts of a key after a time, the oldest first.
   *
   * @param since in milliseconds since 1970
   */
  listAlerts(owner: PushOwner, since: number): Promise<readonly StoredAlert[]>;
  /**
   * Deletes expired messages and marks due ones as being sent. Messages of one subscription keep their order: only the
   * oldest is marked, once no other one is being sent, and once the wait after a failed attempt is over. A wait that ends
   * more than {@linkcode MAX_WAIT_MS} later is over, too: the clock was set back. While another
   * process sends, it waits as `whenAlone` does.
   *
   * @param now the time, in milliseconds since 1970
   * @param max most messages to mark
   * @param except ids of subscriptions whose messages are left: their push service has enough to do
   * @returns the marked messages with one attempt more, and the number that expired
   */
  claimMessages(
    now: number,
    max: number,
    except?: readonly string[],
  ): Promise<{ readonly due: readonly QueuedMessage[]; readonly expired: number }>;
  /** Ends the attempt to send a message; one that waits again holds up the later ones of its subscription. */
  settleMessage(id: number, outcome: SettledMessage): Promise<SettleResult>;
  /**
   * Waits until no other process listens and sends, so it may take long; it throws if the store is closed meanwhile. From
   * then on, others wait.
   *
   * @returns a signal that aborts when another process may listen and send, and which never does where only the end of this
   * one allows it; undefined while nothing is stored, and so no process has anything to do
   */
  whenAlone(): Promise<AbortSignal | undefined>;
  /**
   * Deletes messages that were marked by a process that is gone, once it is alone: see `whenAlone`.
   *
   * @returns number of the deleted messages since the last call
   */
  dropInterrupted(): Promise<number>;
  /**
   * Returns the number of messages that wait or are being sent, and the time of the next attempt, which may be over;
   * undefined if there is nothing to send, or only after another message of the same subscription.
   *
   * @param except ids of subscriptions that do not count for that time
   */
  queueState(except?: readonly string[]): Promise<{ readonly length: number; readonly next: number | undefined }>;
  /** Returns the time at which the oldest message was added, in milliseconds since 1970; undefined if there is none. */
  oldestMessage(): Promise<number | undefined>;
}
