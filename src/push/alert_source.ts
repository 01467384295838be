/**
 * Interface between rules and the services that have their events.
 *
 * @module
 */
import type { Scope } from "../keys/rights.ts";
import type { RuleEvent, SourceKind } from "./rules/rule_event.ts";

/** Key on whose behalf a source is listened to. Its methods must not throw. */
export interface AlertListener {
  /** Name of the key; limits apply to each. */
  readonly owner: string;
  /** Rights of the key. */
  readonly scope: Scope;
  /** Called once, before the first event; perhaps before `listen` has returned. */
  readonly onReady: () => void;
  /**
   * Called with each event that the key may receive.
   *
   * @param isBacklog true for one that arrived before `onReady`: all of these follow it at once
   */
  readonly onEvent: (event: RuleEvent, isBacklog: boolean) => void;
  /** Called once, and last, when the source has ended by itself; it must be listened to again after a while. */
  readonly onEnded: (reason: string) => void;
}

/** Source of events. */
export interface AlertSource {
  /** Kind of its events. */
  readonly kind: SourceKind;
  /** True if a selection may be granted in part, as a pattern: the rights of its listener choose among its events. */
  readonly grantsInPart: boolean;
  /** Returns whether a key may receive any of its events. */
  isGranted(scope: Scope): boolean;
  /**
   * Throws unless a key may receive what a rule selects.
   *
   * @throws {ScopeError} naming the selection; `ServiceError` if the service is not configured
   */
  authorize(select: readonly string[], scope: Scope): void;
  /**
   * Listens to all that is selected; the present values come first, as retained ones.
   *
   * @returns the function that stops it; nothing is called afterwards
   * @throws {ScopeError} as `authorize` does; `ServiceError` if the service refuses, such as for too many filters
   */
  listen(select: readonly string[], listener: AlertListener): () => void;
}
