/**
 * Alerts of all keys: rules, the sources that they listen to, and the life of what belongs to a key.
 *
 * @module
 */
import { Mutex } from "../lib/async.ts";
import type { Clock } from "../lib/clock.ts";
import { errorName } from "../lib/errors.ts";
import { tryParseJson } from "../lib/json.ts";
import type { KnownKey } from "../keys/keyring.ts";
import { type Scope, ScopeError } from "../keys/rights.ts";
import type { Log } from "../observability/log.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { PushOwner, PushStore, StoredRule, StoredSubscription } from "../store/state/push_store.ts";
import { AlertQueue } from "./alert_queue.ts";
import type { AlertSource } from "./alert_source.ts";
import { KeyAlerts } from "./key_alerts.ts";
import { ownerId, type PushKeys } from "./push_keys.ts";
import type { AlertTelemetry } from "./alert_telemetry.ts";
import type { KeyRule } from "./rules/key_rules.ts";
import { type AlertRule, parseRule } from "./rules/rule.ts";
import type { SourceKind } from "./rules/rule_event.ts";
import { RuleStates } from "./rules/rule_states.ts";

/** Parts of the engine. */
export interface AlertEngineOptions {
  /** Store of rules, subscriptions and messages. */
  readonly store: PushStore;
  /** Keys of the gateway. */
  readonly keys: PushKeys;
  /** Called when messages wait for being sent. */
  readonly onQueued: () => void;
  /** Clock of events and waits. */
  readonly clock: Clock;
  /** Random number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Makes ids. */
  readonly randomBytes: RandomBytes;
  /** Counter of alerts. */
  readonly telemetry: AlertTelemetry;
  /** Logger for failures. */
  readonly log: Log;
}

/** What rules are about: parts of services. */
export interface AlertParts {
  /** Sources of events, one of each kind at most. */
  readonly sources: readonly AlertSource[];
  /** Returns the text of an action's button; undefined if a key with these rights may not run it, or there is none. */
  readonly actionLabel: (name: string, scope: Scope) => string | undefined;
}

const NO_PARTS: AlertParts = { sources: [], actionLabel: () => undefined };

/** Interval at which the states of rules are stored, in milliseconds; those of an alert are stored with it. */
const STORE_STATES_MS = 10_000;

/** Test notification. */
const TEST = {
  title: "Test",
  body: "Push messages of the gateway reach this device.",
  urgency: "high",
  ttlSeconds: 300,
} as const;

/** Alerts of all keys. */
export class AlertEngine {
  readonly #options: AlertEngineOptions;
  readonly #queue: AlertQueue;
  readonly #changes = new Mutex();
  /** Rules of each owner. */
  readonly #rules = new Map<string, readonly KeyRule[]>();
  /** Alerts of each key in force that has rules. */
  readonly #alerts = new Map<string, KeyAlerts>();
  /** Keys by owner, as they were last listed. */
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  #parts = NO_PARTS;
  #sources: ReadonlyMap<SourceKind, AlertSource> = new Map();
  #stopWatching = () => {};
  #stopTimer = () => {};
  #isRunning = false;
  /** True once the rules were read. */
  #isRead = false;

  /** Makes the engine; nothing is read or listened to before {@linkcode AlertEngine.start}. */
  constructor(options: AlertEngineOptions) {
    const { store, clock } = options;
    this.#options = options;
    this.#queue = new AlertQueue({
      ...options,
      store,
      now: () => clock.now(),
      findKey: (owner) => this.#keys.get(ownerId(owner)),
      beforeAdding: (owner) => this.#storeStates(owner),
      actionLabel: (name, { grant }) => grant && this.#parts.actionLabel(name, grant.scope),
    });
  }

  /** Number of rules of all keys. */
  get size(): number {
    return this.#rules.values().reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * Reads the rules, and listens to their sources. A store that fails is reported, and read again at the next change.
   * Never rejects.
   */
  async start(parts: AlertParts): Promise<void> {
    const { keys } = this.#options;
    this.#parts = parts;
    this.#sources = new Map(parts.sources.map((source) => [source.kind, source]));
    this.#isRunning = true;
    this.#stopWatching = keys.watch(() => void this.#keysChanged());
    this.#scheduleStates();
    await this.#keysChanged();
  }

  /** Stops listening, and stores the states of all rules and the alerts that wait. Never rejects. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#stopWatching();
    this.#stopTimer();
    for (const alerts of this.#alerts.values()) alerts.stop();
    await this.#queue.flush();
    await this.#changes.runExclusive(() => this.#storeAllStates());
    this.#alerts.clear();
  }

  /** Lists the kinds of sources that a key may use in its rules. */
  sourcesOf(scope: Scope): SourceKind[] {
    return [...this.#sources.values()].filter((source) => source.isGranted(scope)).map(({ kind }) => kind);
  }

  /**
   * Throws unless a key may have a rule: receive what it selects, and run its actions.
   *
   * @throws {ScopeError} naming what the key may not do; `ServiceError` if the service of the source is not configured
   */
  authorize({ source: { kind, select }, actions }: AlertRule, scope: Scope): void {
    const source = this.#sources.get(kind);
    if (source === undefined) throw new ScopeError(`use alerts of ${kind}`);
    source.authorize(select, scope);
    for (const name of actions) {
      if (this.#parts.actionLabel(name, scope) === undefined) throw new ScopeError(`run the action ${name}`);
    }
  }

  /** Puts the rules of a key in force as the store has them now. */
  async changed(owner: PushOwner): Promise<void> {
    await this.#changes.runExclusive(async () => {
      const id = ownerId(owner);
      const stored = await this.#options.store.listRules();
      this.#read(id, stored.filter((one) => ownerId(one) === id));
      // Its key may have been removed meanwhile.
      await this.#reconcile();
    });
  }

  /**
   * Removes what belongs to keys that are gone, or have another secret: to be called after a subscription was added, whose
   * key may have been removed meanwhile.
   */
  async refresh(): Promise<void> {
    await this.#changes.runExclusive(() => this.#reconcile());
  }

  /** Returns whether the key of a subscription is in force, and still has the secret that subscribed. */
  isInForce(subscription: StoredSubscription): boolean {
    const key = this.#keys.get(ownerId(subscription));
    return key?.kid === subscription.kid && key.grant?.revoked.aborted === false;
  }

  /** Queues a test notification for a subscription. */
  sendTest({ id, key, keyCreated }: StoredSubscription): void {
    this.#queue.add({
      owner: { key, keyCreated },
      subscription: id,
      alert: { ...TEST, actions: [], at: this.#options.clock.now() },
    });
  }

  /** Sets the rules of an owner. One of another version of the gateway, which this one cannot read, is left alone. */
  #read(id: string, stored: readonly StoredRule[]): void {
    const { log } = this.#options;
    const before = this.#rules.get(id) ?? [];
    const rules = stored.flatMap(({ key, name, json }) => {
      const known = before.find((one) => one.json === json);
      if (known !== undefined) return [known];
      try {
        return [{ rule: parseRule(tryParseJson(json)), json }];
      } catch (error) {
        log.warn("Rule {name} of key {key} is not used: {reason}", { name, key, reason: errorName(error) });
        return [];
      }
    });
    this.#rules.set(id, rules);
  }

  /** Applies changed keys. */
  async #keysChanged(): Promise<void> {
    // At once, so that a key whose rights change misses as little as possible.
    this.#followKeys();
    await this.#changes.runExclusive(() => this.#reconcile()).catch((error) => this.#storeFailed(error));
  }

  /** Lists the keys, and makes the alerts that are open follow their rights. */
  #followKeys(): void {
    this.#keys = new Map(this.#options.keys.list().map((key) => [ownerId(ownerOfKey(key)), key]));
    for (const [id, alerts] of this.#alerts) this.#apply(id, alerts);
  }

  #apply(id: string, alerts: KeyAlerts): void {
    if (this.#isRunning) alerts.set(this.#rules.get(id) ?? [], this.#keys.get(id)?.grant);
  }

  /** Reads the rules, once, and makes all that is stored follow the keys. */
  async #reconcile(): Promise<void> {
    const { store } = this.#options;
    if (!this.#isRead) {
      const stored = Map.groupBy(await store.listRules(), ownerId);
      for (const [id, rules] of stored) this.#read(id, rules);
      this.#isRead = true;
    }
    this.#followKeys();
    for (const owner of await store.listOwners()) {
      const id = ownerId(owner);
      if (!this.#keys.has(id)) await this.#removeOwner(ownerOf(owner));
      else if (!this.#alerts.has(id)) await this.#open(ownerOf(owner));
    }
    for (const one of await store.listSubscriptions()) await this.#removeOfOldSecret(one);
  }

  async #removeOwner(owner: PushOwner): Promise<void> {
    const id = ownerId(owner);
    this.#alerts.get(id)?.stop();
    this.#alerts.delete(id);
    this.#rules.delete(id);
    const count = await this.#options.store.removeOwner(owner);
    this.#options.telemetry.dropped("key", count);
  }

  /** Removes a subscription of a secret that its key no longer has. */
  async #removeOfOldSecret({ id, kid, ...owner }: StoredSubscription): Promise<void> {
    const key = this.#keys.get(ownerId(owner));
    if (key === undefined || key.kid === kid) return;
    const count = await this.#options.store.removeSubscription(id);
    this.#options.telemetry.dropped("key", count ?? 0);
  }

  /** Opens the alerts of a key in force that has rules. */
  async #open(owner: PushOwner): Promise<void> {
    const id = ownerId(owner);
    const hasRules = (this.#rules.get(id)?.length ?? 0) > 0;
    if (!this.#isRunning || !hasRules || this.#keys.get(id)?.grant === undefined) return;
    const states = RuleStates.parse(await this.#options.store.readRuleStates(owner));
    const alerts = new KeyAlerts({
      ...this.#options,
      key: owner.key,
      sources: this.#sources,
      states,
      onAlert: (alert) => this.#queue.add({ owner, alert }),
    });
    this.#alerts.set(id, alerts);
    this.#apply(id, alerts);
  }

  #scheduleStates(): void {
    this.#stopTimer = this.#options.clock.after(STORE_STATES_MS, () => {
      this.#changes.runExclusive(() => this.#storeAllStates()).finally(() => {
        if (this.#isRunning) this.#scheduleStates();
      });
    });
  }

  async #storeAllStates(): Promise<void> {
    try {
      for (const [id, alerts] of this.#alerts) {
        const key = this.#keys.get(id);
        if (alerts.isDirty && key !== undefined) await this.#storeStates(ownerOfKey(key));
      }
    } catch (error) {
      this.#storeFailed(error);
    }
  }

  /** Stores the states of the rules of a key, if they have changed. */
  async #storeStates(owner: PushOwner): Promise<void> {
    const alerts = this.#alerts.get(ownerId(owner));
    if (!alerts?.isDirty) return;
    try {
      await this.#options.store.writeRuleStates(owner, alerts.takeStates());
    } catch (error) {
      alerts.isDirty = true;
      throw error;
    }
  }

  #storeFailed(error: unknown): void {
    this.#options.log.error("Rules of alerts cannot be read or stored: {error}", { error });
  }
}

function ownerOf({ key, keyCreated }: PushOwner): PushOwner {
  return { key, keyCreated };
}

function ownerOfKey({ name, created }: KnownKey): PushOwner {
  return { key: name, keyCreated: created };
}
