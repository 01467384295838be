/** Keys, sources and counts for tests of alerts. */
import type { KnownKey } from "../../src/keys/keyring.ts";
import { Scope, ScopeError } from "../../src/keys/rights.ts";
import type { AlertListener, AlertSource } from "../../src/push/alert_source.ts";
import type { AlertTelemetry } from "../../src/push/alert_telemetry.ts";
import type { PushKeys } from "../../src/push/push_keys.ts";
import type { RuleEvent } from "../../src/push/rules/rule_event.ts";
import { TopicFilterSet } from "../../src/mqtt/topics/filter_set.ts";
import { message } from "./push_rules.ts";

/** Keys that a test changes. */
export class FakeKeys implements PushKeys {
  readonly #keys = new Map<string, { readonly key: KnownKey; readonly revocation: AbortController }>();
  readonly #watchers = new Set<() => void>();
  hasKeysFile = true;

  /** Sets a key that may receive some topics; without topics it is disabled. Its rights before are revoked. */
  set(name: string, topics: readonly string[] | undefined, { kid = name, created = 1 } = {}): void {
    this.#keys.get(name)?.revocation.abort();
    const revocation = new AbortController();
    const grant = topics && { scope: new Scope({ fake: { topics } }), revoked: revocation.signal };
    this.#keys.set(name, { key: { name, created, kid, grant }, revocation });
    this.#report();
  }

  /** Removes a key. */
  remove(name: string): void {
    this.#keys.get(name)?.revocation.abort();
    this.#keys.delete(name);
    this.#report();
  }

  /** Removes all keys, as their file is not there. */
  lose(): void {
    this.hasKeysFile = false;
    for (const name of this.#keys.keys()) this.remove(name);
  }

  list(): readonly KnownKey[] {
    return [...this.#keys.values()].map(({ key }) => key);
  }

  watch(run: () => void): () => void {
    this.#watchers.add(run);
    return () => this.#watchers.delete(run);
  }

  #report(): void {
    for (const run of this.#watchers) run();
  }
}

/** Listener of a fake source. */
interface Connection {
  readonly select: readonly string[];
  readonly listener: AlertListener;
  readonly mayReceive: TopicFilterSet;
}

/** Source whose events a test sends. Rights are the topics of the service `fake`. */
export class FakeSource implements AlertSource {
  readonly kind = "topics";
  /** True if any selection is accepted, and its events are filtered by the rights. */
  grantsInPart = false;
  /** Present listeners. */
  readonly connections = new Set<Connection>();
  /** Selections that were ever listened to. */
  readonly selections: string[][] = [];
  /** True if a new listener is ready at once. */
  isOnline = true;

  isGranted(scope: Scope): boolean {
    return scope.hasService("fake");
  }

  authorize(select: readonly string[], scope: Scope): void {
    const granted = grantedBy(scope);
    if (this.grantsInPart) return;
    for (const filter of select) if (!granted.covers(filter)) throw new ScopeError(`subscribe to ${filter}`);
  }

  listen(select: readonly string[], listener: AlertListener): () => void {
    this.authorize(select, listener.scope);
    const connection = { select, listener, mayReceive: grantedBy(listener.scope) };
    this.connections.add(connection);
    this.selections.push([...select]);
    if (this.isOnline) listener.onReady();
    return () => this.connections.delete(connection);
  }

  /** Passes a message to all listeners. */
  send(subject: string, text: string, parts: Partial<Pick<RuleEvent, "isRetained">> = {}): void {
    const event = message(text, { subject, ...parts });
    for (const { select, listener, mayReceive } of [...this.connections]) {
      if (new TopicFilterSet(select).matches(subject) && mayReceive.matches(subject)) listener.onEvent(event, false);
    }
  }

  /** Ends all listeners. */
  end(): void {
    for (const connection of [...this.connections]) {
      this.connections.delete(connection);
      connection.listener.onEnded("unreachable");
    }
  }
}

function grantedBy(scope: Scope): TopicFilterSet {
  const { topics } = scope.useService("fake");
  return new TopicFilterSet(Array.isArray(topics) ? topics.map(String) : []);
}

/** Counts of alerts, by their names. */
export class AlertCounts implements AlertTelemetry {
  /** Counts that are not 0. */
  readonly counts: Record<string, number> = {};

  queued(count: number): void {
    this.#add("queued", count);
  }

  replaced(count: number): void {
    this.#add("replaced", count);
  }

  dropped(reason: string, count: number): void {
    this.#add(`dropped ${reason}`, count);
  }

  held(reason: string): void {
    this.#add(`held ${reason}`, 1);
  }

  #add(name: string, count: number): void {
    if (count > 0) this.counts[name] = (this.counts[name] ?? 0) + count;
  }
}
