/**
 * Alerts of one key in force: listens to what its rules select, and evaluates them.
 *
 * @module
 */
import type { Clock } from "../lib/clock.ts";
import { TimeShare } from "../limits/time_share.ts";
import type { TokenBucket } from "../limits/token_bucket.ts";
import type { Log } from "../observability/log.ts";
import type { AlertSource } from "./alert_source.ts";
import type { KeyGrant } from "./push_keys.ts";
import type { AlertTelemetry } from "./alert_telemetry.ts";
import type { Alert } from "./rules/evaluate.ts";
import { type KeyRule, KeyRules } from "./rules/key_rules.ts";
import type { RuleEvent, SourceKind } from "./rules/rule_event.ts";
import type { RuleStates } from "./rules/rule_states.ts";
import { SourceListening } from "./source_listening.ts";

/** Parts of the alerts of a key. */
export interface KeyAlertsOptions {
  /** Name of the key. */
  readonly key: string;
  /** Sources by their kind. */
  readonly sources: ReadonlyMap<SourceKind, AlertSource>;
  /** States of its rules from before. */
  readonly states: RuleStates;
  /** Rate of the key's alerts. */
  readonly rate: Pick<TokenBucket, "tryTake">;
  /** Called with each alert, within the rate. */
  readonly onAlert: (alert: Alert) => void;
  /** Clock of events and waits. */
  readonly clock: Clock;
  /** Random number from 0 up to but not including 1. */
  readonly random: () => number;
  /** Counter of alerts that are held back or dropped. */
  readonly telemetry: Pick<AlertTelemetry, "held" | "dropped">;
  /** Logger for sources that end. */
  readonly log: Pick<Log, "info" | "warn">;
}

/** Longest evaluation of a key's rules at once, in milliseconds. */
const EVALUATION_BURST_MS = 1000;

/** Part of the time that the rules of a key may take: those of a guest, with a device that sends much, are no cost to others. */
const EVALUATION_SHARE = 0.1;

/** Rules of a key, which receive events while it is in force. */
export class KeyAlerts {
  readonly #options: KeyAlertsOptions;
  readonly #rules: KeyRules;
  readonly #time: TimeShare;
  readonly #listenings: ReadonlyMap<SourceKind, SourceListening>;
  /** Rules and rights as they were set. */
  #given: { readonly rules: readonly KeyRule[]; readonly revoked: AbortSignal | undefined } | undefined;

  /** True if a state has changed since {@linkcode KeyAlerts.takeStates}. */
  #isDirty = false;

  /** Makes it without rules. */
  constructor(options: KeyAlertsOptions) {
    const { key: owner, sources, states, clock } = options;
    this.#options = options;
    this.#rules = new KeyRules(states);
    this.#time = new TimeShare({
      burstMs: EVALUATION_BURST_MS,
      share: EVALUATION_SHARE,
      monotonic: () => clock.monotonic(),
    });
    const onEvent = (event: RuleEvent) => this.#receive(event);
    this.#listenings = new Map(
      [...sources].map(([kind, source]) => [kind, new SourceListening({ ...options, source, owner, onEvent })]),
    );
  }

  /** Sets the rules and the rights that limit them; without rights, nothing is received. The same ones change nothing. */
  set(rules: readonly KeyRule[], grant: KeyGrant | undefined): void {
    if (rules === this.#given?.rules && grant?.revoked === this.#given.revoked) return;
    this.#given = { rules, revoked: grant?.revoked };
    if (grant === undefined) return this.stop();
    const granted = rules.map((rule) => ({ ...rule, select: this.#grantedPart(rule, grant) }));
    this.#rules.set(granted);
    for (const [kind, listening] of this.#listenings) {
      const selected = granted.flatMap(({ rule: { source }, select }) => source.kind === kind ? select : []);
      listening.select([...new Set(selected)].sort(), grant.scope);
    }
  }

  /** Stops listening. The rules and their states stay. */
  stop(): void {
    for (const listening of this.#listenings.values()) listening.stop();
  }

  /** Returns the states of the rules as JSON text, which the caller stores; undefined if none has changed since. */
  takeStates(): string | undefined {
    if (!this.#isDirty) return undefined;
    this.#isDirty = false;
    return this.#rules.statesJson();
  }

  /** Marks the states as changed again, as they could not be stored. */
  returnStates(): void {
    this.#isDirty = true;
  }

  /** Returns what a rule selects that the key may receive: its rights may be narrower than when it was set. */
  #grantedPart({ rule: { source } }: KeyRule, { scope }: KeyGrant): readonly string[] {
    const from = this.#options.sources.get(source.kind);
    if (from === undefined) return [];
    return source.select.filter((text) => {
      try {
        from.authorize([text], scope);
        return true;
      } catch {
        // Not granted any more, or the service is not configured any more.
        return false;
      }
    });
  }

  #receive(event: RuleEvent): void {
    // The keys may have changed a moment ago.
    if (this.#given?.revoked?.aborted !== false) return;
    if (!this.#time.tryRun(() => this.#evaluate(event))) this.#options.telemetry.dropped("rate", 1);
  }

  #evaluate(event: RuleEvent): void {
    const { clock, rate, telemetry, onAlert } = this.#options;
    const { alerts, held, isChanged } = this.#rules.receive(event, clock.now());
    if (isChanged) this.#isDirty = true;
    for (const reason of held) telemetry.held(reason);
    for (const makeAlert of alerts) {
      if (rate.tryTake()) onAlert(makeAlert());
      else telemetry.dropped("rate", 1);
    }
  }
}
