/**
 * Breaks each thing that the gateway depends on while phones and listeners go on, and counts what was lost and what ran
 * twice.
 */
import { Progress } from "../support/progress.ts";
import { inScope, runBench } from "../support/run_tool.ts";
import { readToolArgs } from "../support/tool_args.ts";
import type { CommandLine } from "../../src/cli/args.ts";
import { ALL_FAULTS, faultNamed, missingFor } from "./all_faults.ts";
import type { Fault } from "./fault.ts";
import { faultLines, faultTable } from "./report.ts";
import { type FaultResult, runFault } from "./run_fault.ts";

// deno-lint-ignore no-console
const tell = (text: string) => console.log(text);

const LINE = {
  synopsis: "deno task chaos [FAULT…]",
  summary: "Break each thing that the gateway depends on, under load, and count what was lost",
  options: {},
  notes:
    `Without a name, all faults happen one after the other, each for some seconds. Exit code 1 if a rule was broken.

Faults:
${ALL_FAULTS.map(describeFault).join("\n")}`,
} as const satisfies CommandLine;

const faults = readToolArgs(
  LINE,
  ({ positionals }) => positionals.length === 0 ? ALL_FAULTS : positionals.map(faultNamed),
);
const results: FaultResult[] = [];
await runBench(async (started) => {
  const progress = new Progress(faults.length);
  for (const fault of faults) {
    progress.step(fault.name);
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

function describeFault(fault: Fault): string {
  const missing = missingFor(fault);
  const lacks = missing.length === 0 ? "" : ` (not here: needs ${missing.join(", ")})`;
  return `  ${fault.name.padEnd(20)} ${fault.title}${lacks}`;
}
