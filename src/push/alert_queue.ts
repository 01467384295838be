/**
 * Alerts on their way to the queue: one message for each subscription of their key.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { KnownKey } from "../keys/keyring.ts";
import type { Log } from "../observability/log.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { formatNotification, MAX_TAG_LENGTH, type PushNotification } from "../protocol/push/notification.ts";
import type { PushOwner, PushStore, StoredSubscription } from "../store/state/push_store.ts";
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
  /** Called before the alerts of a key are added: with them, the states of its rules are stored. */
  readonly beforeAdding: (owner: PushOwner) => Promise<void>;
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

/** Adds alerts to the queue, one after the other. */
export class AlertQueue {
  readonly #options: AlertQueueOptions;
  #pending: KeyAlert[] = [];
  #running: Promise<void> | undefined;

  /** Makes an empty queue. */
  constructor(options: AlertQueueOptions) {
    this.#options = options;
  }

  /** Adds an alert soon. */
  add(alert: KeyAlert): void {
    if (this.#pending.length >= MAX_PENDING) return this.#options.telemetry.dropped("store", 1);
    this.#pending.push(alert);
    this.#running ??= this.#run();
  }

  /** Waits until all alerts so far were added, or dropped. Never rejects. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // All alerts of one event are added together.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const alerts = this.#pending;
      this.#pending = [];
      await this.#addAll(alerts);
    }
    this.#running = undefined;
  }

  async #addAll(alerts: readonly KeyAlert[]): Promise<void> {
    const { store, log, telemetry, onQueued } = this.#options;
    let left = alerts.length;
    let isQueued = false;
    try {
      const subscriptions = await store.listSubscriptions();
      const isStored = new Set<string>();
      for (const alert of alerts) {
        const id = ownerId(alert.owner);
        if (!isStored.has(id)) await this.#options.beforeAdding(alert.owner);
        isStored.add(id);
        if (await this.#addOne(alert, subscriptions)) isQueued = true;
        left -= 1;
      }
    } catch (error) {
      telemetry.dropped("store", left);
      log.error("{count} alerts are dropped, as the state database fails: {error}", { count: left, error });
    }
    if (isQueued) onQueued();
  }

  /** Adds an alert; returns whether a message waits for being sent. */
  async #addOne(
    { owner, alert, subscription }: KeyAlert,
    subscriptions: readonly StoredSubscription[],
  ): Promise<boolean> {
    const { store, findKey, telemetry, now } = this.#options;
    const key = findKey(owner);
    // Disabled, removed, expired or with other rights since the event.
    if (key?.grant === undefined || key.grant.revoked.aborted) {
      telemetry.dropped("key", 1);
      return false;
    }
    const own = subscriptions.filter((one) =>
      ownerId(one) === ownerId(owner) && one.kid === key.kid && (subscription ?? one.id) === one.id
    );
    const notification = this.#notificationOf(alert, key);
    const { id } = notification;
    const { urgency, topic, ttlSeconds, at } = alert;
    const expires = at + Math.max(ttlSeconds, MIN_LIFETIME_SECONDS) * 1000;
    const { queued, replaced, refused } = await store.enqueue(
      { ...owner, id, at, json: formatNotification(notification) },
      own.map((one) => ({
        ...{ subscription: one.id, alert: id, urgency, topic, expires },
        text: formatNotification({ ...notification, kid: one.kid }),
      })),
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
    return queued > 0;
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
