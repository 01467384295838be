/**
 * Injects faults into each dependency of the gateway under load, and counts lost and duplicate messages and commands.
 */
import { Progress } from "../support/progress.ts";
import { inScope, runTool } from "../support/run_tool.ts";
import { readToolArgs } from "../support/tool_args.ts";
import type { CommandLine } from "../../src/cli/args.ts";
import { ALL_FAULTS, faultNamed, missingFor } from "./all_faults.ts";
import type { Fault } from "./fault.ts";
import { faultLines, faultTable } from "./report.ts";
import { type FaultResult, runFault } from "./run_fault.ts";

// deno-lint-ignore no-console
const print = (text: string) => console.log(text);

const LINE = {
  synopsis: "deno task chaos [FAULT…]",
  summary: "Inject faults into each dependency of the gateway under load, and count what was lost",
  options: {},
  notes:
    `Without a name, all faults run one after the other, each for some seconds. Exit code 1 if an invariant was violated.

Faults:
${ALL_FAULTS.map(describeFault).join("\n")}`,
} as const satisfies CommandLine;

const faults = readToolArgs(
  LINE,
  ({ positionals }) => positionals.length === 0 ? ALL_FAULTS : positionals.map(faultNamed),
);
const results: FaultResult[] = [];
await runTool(async (started) => {
  const progress = new Progress(faults.length);
  for (const fault of faults) {
    progress.step(fault.name);
    const missing = missingFor(fault);
    if (missing.length > 0) {
      print(`${fault.name.padEnd(20)} skipped: needs ${missing.join(", ")}`);
      continue;
    }
    const result = await inScope(started, (scope) => runFault(fault, { isShort: false, scope }));
    results.push(result);
    print(faultLines(result));
  }
  return `\n${faultTable(results)}`;
});
Deno.exit(results.some(({ violations }) => violations.length > 0) ? 1 : 0);

function describeFault(fault: Fault): string {
  const missing = missingFor(fault);
  const note = missing.length === 0 ? "" : ` (unavailable: needs ${missing.join(", ")})`;
  return `  ${fault.name.padEnd(20)} ${fault.title}${note}`;
}
