/** Invariants that hold under every fault. */
import type { ChaosEnvironment } from "./environment.ts";
import type { Load } from "./load.ts";

/** Most numbers named in a violation. */
const MAX_EXAMPLES = 5;

/**
 * Returns the violated invariants: what was acknowledged arrived, nothing arrived twice, streams reported every gap, no
 * listener failed, and no gateway crashed. To be called once all listeners have the last message.
 */
export function violatedInvariants(environment: ChaosEnvironment, load: Load): string[] {
  const violations: string[] = [];
  for (const kind of ["messages", "commands"] as const) {
    const { lost, duplicates, unknown } = environment[kind];
    const checks = { "Acknowledged, but lost": lost, "Executed twice": duplicates, "Never sent": [...unknown] };
    for (const [name, numbers] of Object.entries(checks)) {
      if (numbers.length > 0) violations.push(`${name}: ${numbers.length} ${kind}, such as ${examples(numbers)}`);
    }
  }
  for (const record of load.listeners) {
    const checks = {
      "Missing without a gap": record.missing(load.delivered),
      "Delivered more often than published": record.surplus(load.delivered),
    };
    for (const [name, numbers] of Object.entries(checks)) {
      if (numbers.length > 0) {
        violations.push(`${name}: ${numbers.length} for ${record.name}, such as ${examples(numbers)}`);
      }
    }
  }
  return [...violations, ...load.listenerErrors, ...environment.crashes()];
}

function examples(numbers: readonly string[]): string {
  return numbers.slice(0, MAX_EXAMPLES).join(", ");
}
