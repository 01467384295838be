/**
 * Alerts on their way to the queue: one message for each subscription of their key.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { errorText } from "../lib/errors.ts";
import type { KnownKey } from "../keys/keyring.ts";
import type { Log } from "../observability/log.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { formatNotification, MAX_TAG_LENGTH, type PushNotification } from "../protocol/push/notification.ts";
import type { NewAlert, PushOwner, PushStore, StoredSubscription } from "../store/state/push_store.ts";
import { ownerId } from "./push_keys.ts";
import type { AlertTelemetry } from "./alert_telemetry.ts";
import type { Alert } from "./rules/evaluate.ts";

/** Alert, and the key that it is for. */
export interface KeyAlert {
  /** Key. */
  readonly owner: PushOwner;
  /** Alert; its rule is absent for a test. */
  readonly alert: Omit<Alert, "rule" | "subject"> & Partial<Pick<Alert, "rule" | "subject">>;
  /** The only subscription that gets it; all of the key without one. */
  readonly subscription?: string | undefined;
}

/** Parts of the queue. */
export interface AlertQueueOptions {
  /** Store of subscriptions and messages. */
  readonly store: Pick<PushStore, "enqueue" | "listSubscriptions">;
  /** Returns the key of an owner, if it is in force now. */
  readonly findKey: (owner: PushOwner) => KnownKey | undefined;
  /** Returns the states of the rules of a key, which are stored with its alerts; undefined if none has changed. */
  readonly takeStates: (owner: PushOwner) => string | undefined;
  /** Called with what `takeStates` has returned and could not be stored. */
  readonly returnStates: (owner: PushOwner) => void;
  /** Called when messages were added. */
  readonly onQueued: () => void;
  /** Returns the text of an action's button; undefined if the key may not run it now. */
  readonly actionLabel: (name: string, key: KnownKey) => string | undefined;
  /** Makes ids. */
  readonly randomBytes: RandomBytes;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Counter of messages. */
  readonly telemetry: Pick<AlertTelemetry, "queued" | "replaced" | "dropped">;
  /** Logger for failures of the store. */
  readonly log: Pick<Log, "error">;
}

/** Most messages that wait for one subscription. */
const MAX_WAITING_PER_SUBSCRIPTION = 100;

/** Most messages that wait in all. */
const MAX_WAITING = 10_000;

/** Most recent alerts of a key that its devices can list. */
const MAX_RECENT_ALERTS = 100;

/** Most alerts that wait for the state database. */
const MAX_PENDING = 1000;

/** Shortest lifetime of a message, in seconds: one without any would never be sent. */
const MIN_LIFETIME_SECONDS = 30;

/** Length of the id of an alert, in bytes. */
const ID_BYTES = 8;

/** Alerts of one key that are to be added together. */
interface PendingBatch {
  readonly owner: PushOwner;
  readonly alerts: KeyAlert[];
}

/** Adds alerts to the queue, key by key. */
export class AlertQueue {
  readonly #options: AlertQueueOptions;
  /** By key. */
  readonly #pending = new Map<string, PendingBatch>();
  /** Number of alerts in these. */
  #length = 0;
  #running: Promise<void> | undefined;

  /** Makes an empty queue. */
  constructor(options: AlertQueueOptions) {
    this.#options = options;
  }

  /** Adds an alert soon. */
  add(alert: KeyAlert): void {
    if (this.#length >= MAX_PENDING) return this.#options.telemetry.dropped("store", 1);
    this.#length += 1;
    this.#batchOf(alert.owner).alerts.push(alert);
  }

  /** Stores the states of the rules of a key soon, if they have changed. */
  storeStates(owner: PushOwner): void {
    this.#batchOf(owner);
  }

  /** Waits until all so far is stored, or dropped. Never rejects. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #batchOf(owner: PushOwner): PendingBatch {
    const id = ownerId(owner);
    const batch = this.#pending.get(id) ?? { owner, alerts: [] };
    this.#pending.set(id, batch);
    this.#running ??= this.#run();
    return batch;
  }

  async #run(): Promise<void> {
    // All alerts of one event are added together.
    await Promise.resolve();
    while (this.#pending.size > 0) {
      const subscriptions = await this.#options.store.listSubscriptions().catch((error: unknown) => ({ error }));
      for (const [id, batch] of [...this.#pending]) {
        this.#pending.delete(id);
        this.#length -= batch.alerts.length;
        await this.#addBatch(batch, subscriptions);
      }
    }
    this.#running = undefined;
  }

  /** Adds the alerts of a key with the states of its rules at this moment, so that neither is there without the other. */
  async #addBatch(
    { owner, alerts }: PendingBatch,
    subscriptions: readonly StoredSubscription[] | { readonly error: unknown },
  ): Promise<void> {
    const { store, findKey, takeStates, returnStates, telemetry, now, log, onQueued } = this.#options;
    const key = findKey(owner);
    // Disabled, removed, expired or with other rights since the event.
    const isInForce = key?.grant?.revoked.aborted === false;
    if (!isInForce) telemetry.dropped("key", alerts.length);
    const ruleStates = key && takeStates(owner);
    const added = isInForce ? alerts : [];
    if (key === undefined || added.length === 0 && ruleStates === undefined) return;
    try {
      if ("error" in subscriptions) throw subscriptions.error;
      const own = subscriptions.filter((one) => ownerId(one) === ownerId(owner) && one.kid === key.kid);
      const { queued, replaced, refused } = await store.enqueue(
        {
          ...owner,
          alerts: added.map((alert) => this.#newAlert(alert, key, own)),
          ruleStates,
          isListened: ruleStates !== undefined || added.some(({ alert }) => alert.rule !== undefined),
        },
        {
          now: now(),
          maxPerSubscription: MAX_WAITING_PER_SUBSCRIPTION,
          max: MAX_WAITING,
          maxAlerts: MAX_RECENT_ALERTS,
        },
      );
      telemetry.queued(queued);
      telemetry.replaced(replaced);
      telemetry.dropped("queue_full", refused);
      if (queued > 0) onQueued();
    } catch (error) {
      if (ruleStates !== undefined) returnStates(owner);
      telemetry.dropped("store", added.length);
      log.error("Alerts and states of rules of {key} cannot be stored, and {count} alerts are dropped: {reason}", {
        key: owner.key,
        count: added.length,
        reason: errorText(error),
      });
    }
  }

  #newAlert(
    { alert, subscription }: KeyAlert,
    key: KnownKey,
    subscriptions: readonly StoredSubscription[],
  ): NewAlert {
    const notification = this.#notificationOf(alert, key);
    const { id } = notification;
    const { urgency, topic, ttlSeconds, at } = alert;
    const expires = at + Math.max(ttlSeconds, MIN_LIFETIME_SECONDS) * 1000;
    const receivers = subscriptions.filter((one) => (subscription ?? one.id) === one.id);
    return {
      ...{ id, at, json: formatNotification(notification) },
      messages: receivers.map((one) => ({
        ...{ subscription: one.id, alert: id, urgency, topic, expires },
        text: formatNotification({ ...notification, kid: one.kid }),
      })),
    };
  }

  #notificationOf({ rule, subject, title, body, urgency, actions, at }: KeyAlert["alert"], key: KnownKey) {
    const { randomBytes, actionLabel } = this.#options;
    const buttons = actions.flatMap((name) => {
      const label = actionLabel(name, key);
      return label === undefined ? [] : [{ name, label }];
    });
    return {
      ...{ id: randomBytes(ID_BYTES).toHex(), title, body, actions: buttons, urgency },
      ...rule === undefined ? {} : { rule },
      ...subject === undefined ? {} : { subject },
      tag: notificationTag(rule ?? "", subject ?? ""),
      timestamp: at / 1000,
    } satisfies PushNotification;
  }
}

/** Returns the tag of a rule's notifications about a subject: short ones can be read, for others it is a hash. */
export function notificationTag(rule: string, subject: string): string {
  const text = `${rule} ${subject}`;
  if (text.length <= MAX_TAG_LENGTH) return text;
  return `#${createHash("sha256").update(text).digest("base64url")}`;
}
