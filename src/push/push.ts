/**
 * Push messages, as far as requests use them.
 *
 * @module
 */
import type { Scope } from "../keys/rights.ts";
import type { HostPattern } from "../net/egress.ts";
import type { PushStore, StoredSubscription } from "../store/state/push_store.ts";
import type { AlertRule } from "./rules/rule.ts";
import type { SourceKind } from "./rules/rule_event.ts";

/** Push messages of the gateway. */
export interface Push {
  /** Reason for which nothing is sent, and no device can subscribe, with the remedy; undefined if there is none. */
  readonly fault: string | undefined;
  /** Public key by which push services know the gateway, base64url of 65 bytes; undefined with a fault. */
  readonly publicKey: string | undefined;
  /** Hosts of push services, those of the browsers included. */
  readonly allowedHosts: readonly HostPattern[];
  /** Most subscriptions of a key. */
  readonly maxPerKey: number;
  /** Most rules of a key. */
  readonly maxRulesPerKey: number;
  /** Subscriptions, rules and recent alerts. */
  readonly store: Pick<
    PushStore,
    "addSubscription" | "listSubscriptions" | "putRule" | "listRules" | "removeRule" | "listAlerts"
  >;
  /** Returns the kinds of the sources whose events a key may receive. */
  sourcesOf(scope: Scope): readonly SourceKind[];
  /**
   * Throws unless a key may have a rule: receive what it selects, and run its actions.
   *
   * @throws {ScopeError} naming what the key may not do; `ServiceError` if the service of the source is not configured
   */
  authorize(rule: AlertRule, scope: Scope): void;
  /** Removes a subscription, and counts its messages as dropped. Returns whether there was one. */
  removeSubscription(id: string): Promise<boolean>;
  /**
   * Puts the rules in force as the store has them now, and removes what belongs to keys that were removed, or have
   * another secret than subscribed: to be called after each change in the store.
   */
  refresh(): Promise<void>;
  /** Queues a test notification. Returns false if its key has had too many alerts. */
  sendTest(subscription: StoredSubscription): boolean;
}
