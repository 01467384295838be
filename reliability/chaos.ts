/**
 * Breaks each thing that the gateway depends on while phones and listeners go on, and counts what was lost and what ran
 * twice. Arguments: names of faults; all of them without any. Exit code 1 if a rule was broken.
 */
import { inScope, runBench } from "../bench/run_bench.ts";
import { ALL_FAULTS, faultNamed, missingFor } from "./chaos/all_faults.ts";
import { faultLines, faultTable } from "./chaos/fault_table.ts";
import { type FaultResult, runFault } from "./chaos/run_fault.ts";

// deno-lint-ignore no-console
const tell = (text: string) => console.log(text);

const faults = Deno.args.length === 0 ? ALL_FAULTS : Deno.args.map(faultNamed);
const results: FaultResult[] = [];
await runBench(async (started) => {
  for (const fault of faults) {
    const missing = missingFor(fault);
    if (missing.length > 0) {
      tell(`${fault.name.padEnd(20)} left out: needs ${missing.join(", ")}`);
      continue;
    }
    const result = await inScope(started, (opened) => runFault(fault, { isShort: false, opened }));
    results.push(result);
    tell(faultLines(result));
  }
  return `\n${faultTable(results)}`;
});
Deno.exit(results.some(({ broken }) => broken.length > 0) ? 1 : 0);
