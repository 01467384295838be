/**
 * Alerts of all keys: rules, the sources that they listen to, and the life of what belongs to a key.
 *
 * @module
 */
import { Mutex } from "../lib/async.ts";
import type { Clock } from "../lib/clock.ts";
import { errorName, errorText } from "../lib/errors.ts";
import { tryParseJson } from "../lib/json.ts";
import type { KnownKey } from "../keys/keyring.ts";
import { type Scope, ScopeError } from "../keys/rights.ts";
import type { Log } from "../observability/log.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { PushOwner, PushStore, StoredRule, StoredSubscription } from "../store/state/push_store.ts";
import type { TokenBucket } from "../limits/token_bucket.ts";
import { AbsentKeys } from "./absent_keys.ts";
import { AlertQueue } from "./alert_queue.ts";
import { createAlertRate } from "./alert_rate.ts";
import type { AlertSource } from "./alert_source.ts";
import { KeyAlerts } from "./key_alerts.ts";
import { ownerId, ownerOf, type PushKeys } from "./push_keys.ts";
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

/**
 * Interval at which the states of rules are stored, and the rules read again, in milliseconds. The states of an alert are
 * stored with it; a rule may have been set by a request to another process.
 */
const STORE_STATES_MS = 10_000;

/** Rules of a key, and the texts that they were read from. */
interface ReadRules {
  readonly texts: readonly string[];
  readonly rules: readonly KeyRule[];
}

const NO_RULES: ReadRules = { texts: [], rules: [] };

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
  readonly #absent: AbsentKeys;
  readonly #changes = new Mutex();
  /** Rules of each owner. */
  readonly #rules = new Map<string, ReadRules>();
  /** Alerts of each key in force that has rules. */
  readonly #alerts = new Map<string, KeyAlerts>();
  /** Rate of each key that has had an alert or a test. */
  readonly #rates = new Map<string, TokenBucket>();
  /** Keys by owner, as they were last listed. */
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  #parts = NO_PARTS;
  #sources: ReadonlyMap<SourceKind, AlertSource> = new Map();
  #stopWatching = () => {};
  #stopTimer = () => {};
  #isRunning = false;
  /** True once no other process listens: of several, each event would make as many alerts. */
  #isAlone = false;
  #waiting: Promise<void> | undefined;
  /** True while the store fails. */
  #isFailing = false;

  /** Makes the engine; nothing is read or listened to before {@linkcode AlertEngine.start}. */
  constructor(options: AlertEngineOptions) {
    const { store, keys, clock, log } = options;
    this.#options = options;
    this.#absent = new AbsentKeys({ store, keys, clock, log });
    this.#queue = new AlertQueue({
      ...options,
      store,
      now: () => clock.now(),
      findKey: (owner) => this.#keys.get(ownerId(owner)),
      takeStates: (owner) => this.#alerts.get(ownerId(owner))?.takeStates(),
      returnStates: (owner) => this.#alerts.get(ownerId(owner))?.returnStates(),
      actionLabel: (name, { grant }) => grant && this.#parts.actionLabel(name, grant.scope),
    });
  }

  /** Number of rules of all keys. */
  get size(): number {
    return this.#rules.values().reduce((sum, { rules }) => sum + rules.length, 0);
  }

  /**
   * Reads the rules, and listens to their sources as soon as no other process does. A store that fails is reported, and
   * read again later. Never rejects.
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
    this.#storeStates();
    await this.#queue.flush();
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
      if (this.#parts.actionLabel(name, scope) !== undefined) continue;
      throw new ScopeError(
        `have a button for the action ${name}: it is not granted, or has parameters, which a notification cannot fill in`,
      );
    }
  }

  /**
   * Puts the rules in force as the store has them now, and removes what belongs to keys that were removed, or have
   * another secret: to be called after each change in the store, whose key may have been removed meanwhile.
   */
  async refresh(): Promise<void> {
    await this.#changes.runExclusive(() => this.#reconcile());
  }

  /** Returns whether the key of a subscription is in force, and still has the secret that subscribed. */
  isInForce(subscription: StoredSubscription): boolean {
    const key = this.#keys.get(ownerId(subscription));
    return key?.kid === subscription.kid && key.grant?.revoked.aborted === false;
  }

  /** Queues a test notification for a subscription. Returns false if its key has had too many alerts. */
  sendTest({ id, key, keyCreated }: StoredSubscription): boolean {
    if (!this.#rateOf({ key, keyCreated }).tryTake()) return false;
    this.#queue.add({
      owner: { key, keyCreated },
      subscription: id,
      alert: { ...TEST, actions: [], at: this.#options.clock.now() },
    });
    return true;
  }

  #rateOf(owner: PushOwner): TokenBucket {
    const id = ownerId(owner);
    const rate = this.#rates.get(id) ?? createAlertRate(() => this.#options.clock.monotonic());
    this.#rates.set(id, rate);
    return rate;
  }

  /** Sets the rules of an owner. One of another version of the gateway, which this one cannot read, is left alone. */
  #read(id: string, stored: readonly StoredRule[]): void {
    const { log } = this.#options;
    const texts = stored.map(({ json }) => json);
    if (isEqual(texts, this.#rules.get(id)?.texts ?? [])) return;
    const rules = stored.flatMap(({ key, name, json }) => {
      try {
        return [{ rule: parseRule(tryParseJson(json)), json }];
      } catch (error) {
        log.warn("Rule {name} of key {key} is not used: {reason}", { name, key, reason: errorName(error) });
        return [];
      }
    });
    this.#rules.set(id, { texts, rules });
  }

  /** Applies changed keys. */
  async #keysChanged(): Promise<void> {
    // At once, so that a key whose rights change misses as little as possible.
    this.#followKeys();
    await this.#tryRefresh();
  }

  /** Refreshes, and reports a store that fails, once. Never rejects. */
  async #tryRefresh(): Promise<void> {
    try {
      await this.refresh();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        this.#options.log.error("Rules of alerts cannot be read: {reason}", { reason: errorText(error) });
      }
      this.#isFailing = true;
    }
  }

  /** Lists the keys, and makes the alerts that are open follow their rights. */
  #followKeys(): void {
    this.#keys = new Map(this.#options.keys.list().map((key) => [ownerId(ownerOfKey(key)), key]));
    this.#absent.see(this.#keys);
    for (const [id, alerts] of this.#alerts) this.#apply(id, alerts);
  }

  #apply(id: string, alerts: KeyAlerts): void {
    if (this.#isRunning) alerts.set((this.#rules.get(id) ?? NO_RULES).rules, this.#keys.get(id)?.grant);
  }

  /** Reads the rules, and makes all that is stored follow the keys. */
  async #reconcile(): Promise<void> {
    const { store } = this.#options;
    const stored = Map.groupBy(await store.listRules(), ownerId);
    for (const id of new Set([...stored.keys(), ...this.#rules.keys()])) this.#read(id, stored.get(id) ?? []);
    this.#followKeys();
    if (stored.size > 0 && this.#isRunning && !this.#isAlone) this.#waiting ??= this.#waitUntilAlone();
    const { owners, subscriptions } = await this.#absent.findOrphans(() => this.#keys);
    for (const owner of owners) if (!this.#keys.has(ownerId(owner))) await this.#removeOwner(owner);
    for (const id of subscriptions) await this.#removeSubscription(id);
    for (const [owner] of stored.values()) {
      if (owner !== undefined && !this.#alerts.has(ownerId(owner))) await this.#open(ownerOf(owner));
    }
  }

  /** Listens once no other process does. Never rejects. */
  async #waitUntilAlone(): Promise<void> {
    const { store, log } = this.#options;
    try {
      const lost = await store.whenAlone();
      this.#isAlone = lost?.aborted === false;
      lost?.addEventListener("abort", () => this.#stopListening(), { once: true });
    } catch (error) {
      // The store is closed at the end.
      if (this.#isRunning) log.error("Nothing is listened to for alerts: {reason}", { reason: errorText(error) });
    }
    this.#waiting = undefined;
    if (this.#isRunning && this.#isAlone) await this.#tryRefresh();
  }

  /** Ends all alerts, as another process listens now; the states of their rules are those that it finds in the store. */
  #stopListening(): void {
    this.#isAlone = false;
    for (const alerts of this.#alerts.values()) alerts.stop();
    this.#alerts.clear();
    if (this.#isRunning) this.#tryRefresh();
  }

  async #removeOwner(owner: PushOwner): Promise<void> {
    const id = ownerId(owner);
    this.#alerts.get(id)?.stop();
    this.#alerts.delete(id);
    this.#rules.delete(id);
    this.#rates.delete(id);
    const count = await this.#options.store.removeOwner(owner);
    this.#options.telemetry.dropped("key", count);
  }

  /** Removes a subscription of a secret that its key no longer has. */
  async #removeSubscription(id: string): Promise<void> {
    const count = await this.#options.store.removeSubscription(id);
    this.#options.telemetry.dropped("key", count ?? 0);
  }

  /** Opens the alerts of a key in force that has rules. */
  async #open(owner: PushOwner): Promise<void> {
    const id = ownerId(owner);
    const hasRules = (this.#rules.get(id) ?? NO_RULES).rules.length > 0;
    if (!this.#isRunning || !this.#isAlone || !hasRules || this.#keys.get(id)?.grant === undefined) return;
    const states = RuleStates.parse(await this.#options.store.readRuleStates(owner));
    const alerts = new KeyAlerts({
      ...this.#options,
      key: owner.key,
      sources: this.#sources,
      states,
      rate: this.#rateOf(owner),
      onAlert: (alert) => this.#queue.add({ owner, alert }),
    });
    this.#alerts.set(id, alerts);
    this.#apply(id, alerts);
  }

  #scheduleStates(): void {
    this.#stopTimer = this.#options.clock.after(STORE_STATES_MS, () => {
      this.#storeStates();
      this.#tryRefresh().finally(() => {
        if (this.#isRunning) this.#scheduleStates();
      });
    });
  }

  /** Stores the states of all rules that have changed. */
  #storeStates(): void {
    for (const id of this.#alerts.keys()) {
      const key = this.#keys.get(id);
      if (key !== undefined) this.#queue.storeStates(ownerOfKey(key));
    }
  }
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function ownerOfKey({ name, created }: KnownKey): PushOwner {
  return { key: name, keyCreated: created };
}
