/** The rules that hold whatever breaks. */
import type { TestEnvironment } from "./environment.ts";
import type { Load } from "./load.ts";

/** How many numbers of a kind are named where a rule is broken. */
const NAMED = 5;

/**
 * Tells which rules were broken: what was acknowledged arrived, nothing arrived twice, streams told of each gap, nobody
 * gave up, and no gateway crashed. To be asked when all listeners have the last message.
 */
export function brokenRules(house: TestEnvironment, load: Load): string[] {
  const broken: string[] = [];
  for (const kind of ["messages", "commands"] as const) {
    const { lost, twice, strangers } = house[kind];
    const rules = { "Acknowledged, but lost": lost, "Ran twice": twice, "Sent by nobody": [...strangers] };
    for (const [rule, numbers] of Object.entries(rules)) {
      if (numbers.length === 0) continue;
      broken.push(`${rule}: ${numbers.length} ${kind}, such as ${numbers.slice(0, NAMED).join(", ")}`);
    }
  }
  for (const record of load.listeners) {
    const rules = {
      "Missing without a gap": record.missing(load.passedOn),
      "Delivered more often than published": record.surplus(load.passedOn),
    };
    for (const [rule, numbers] of Object.entries(rules)) {
      if (numbers.length === 0) continue;
      broken.push(`${rule}: ${numbers.length} for ${record.who}, such as ${numbers.slice(0, NAMED).join(", ")}`);
    }
  }
  return [...broken, ...load.givenUp, ...house.faults()];
}
