/** Invariants that hold under every fault. */
import type { ChaosEnvironment } from "./environment.ts";
import type { Load } from "./load.ts";
import type { RequestTracker } from "./request_tracker.ts";
import type { PerKind } from "./run_fault.ts";
import type { StreamRecord } from "./stream_record.ts";

/** Most numbers named in a violation. */
const MAX_EXAMPLES = 5;

/**
 * Returns the violated invariants: what was acknowledged arrived, nothing arrived twice, streams reported every gap, no
 * listener failed, and no gateway crashed. To be called once all listeners have the last message.
 */
export function violatedInvariants(environment: ChaosEnvironment, load: Load): string[] {
  return [
    ...requestViolations(environment),
    ...load.listeners.flatMap((record) => streamViolations(record, load.delivered)),
    ...load.listenerErrors,
    ...environment.crashes(),
  ];
}

/** Returns the violations by requests: lost, executed twice, or never sent. */
export function requestViolations(trackers: PerKind<RequestTracker>): string[] {
  return (["messages", "commands"] as const).flatMap((kind) => {
    const { lost, duplicates, unknown } = trackers[kind];
    return violations(kind, {
      "Acknowledged, but lost": lost,
      "Executed twice": duplicates,
      "Never sent": [...unknown],
    });
  });
}

/**
 * Returns the violations by the messages of a stream.
 *
 * @param delivered numbers in the order in which the broker delivered them
 */
export function streamViolations(record: StreamRecord, delivered: readonly string[]): string[] {
  return violations(`for ${record.name}`, {
    "Missing without a gap": record.missing(delivered),
    "Delivered more often than published": record.surplus(delivered),
  });
}

/** Returns a text for each check that found numbers. */
export function violations(of: string, checks: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(checks).filter(([, numbers]) => numbers.length > 0).map(([name, numbers]) =>
    `${name}: ${numbers.length} ${of}, such as ${numbers.slice(0, MAX_EXAMPLES).join(", ")}`
  );
}
