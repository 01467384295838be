/**
 * Results of the checks of dependencies, as events for the rules of alerts.
 *
 * @module
 */
import { type Scope, ScopeError } from "../keys/rights.ts";
import type { AlertListener, AlertSource } from "../push/alert_source.ts";
import { TextEvent } from "../push/rules/rule_event.ts";
import type { Readiness } from "./health.ts";

/** Parts of the source. */
export interface HealthAlertSourceOptions {
  /** State of the dependencies. */
  readonly readiness: Pick<Readiness, "up" | "dependencies" | "watch">;
  /** Services of each dependency: only keys that are granted one of them may know its health. */
  readonly services: ReadonlyMap<string, readonly { readonly name: string }[]>;
}

/** Makes the source. The text of an event is `up` or `down`. */
export function createHealthAlertSource({ readiness, services }: HealthAlertSourceOptions): AlertSource {
  /** Returns whether a key may know the health of a dependency; of the gateway's own ones, every key may. */
  function isGranted(dependency: string, scope: Scope): boolean {
    return services.get(dependency)?.some(({ name }) => scope.hasService(name)) ?? true;
  }

  function authorize(select: readonly string[], scope: Scope): void {
    for (const name of select) {
      if (name === "*") continue;
      // An unknown one is refused in the same way: which there are is none of a guest's business.
      const isKnown = services.has(name) || readiness.dependencies.includes(name);
      if (!isKnown || !isGranted(name, scope)) throw new ScopeError(`receive the health of ${name}`);
    }
  }

  return {
    kind: "health",
    grantsInPart: true,
    isGranted: () => true,
    authorize,
    listen(select, { scope, onReady, onEvent }: AlertListener) {
      authorize(select, scope);
      const isSelected = (name: string) => (select.includes("*") || select.includes(name)) && isGranted(name, scope);
      const pass = (subject: string, isUp: boolean, isRetained: boolean) => {
        if (!isSelected(subject)) return;
        onEvent(new TextEvent({ kind: "health", subject, text: isUp ? "up" : "down", isRetained }), false);
      };
      let isStopped = false;
      let stopWatching = () => {};
      queueMicrotask(() => {
        if (isStopped) return;
        onReady();
        for (const [dependency, isUp] of readiness.up) pass(dependency, isUp, true);
        stopWatching = readiness.watch((dependency, isUp, isFirst) => pass(dependency, isUp, isFirst));
      });
      return () => {
        isStopped = true;
        stopWatching();
      };
    },
  };
}
