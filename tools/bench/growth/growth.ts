/** Measures work as what the caller brings grows, and fails if the cost grows faster. */
import { type CommandLine, UsageError } from "../../../src/cli/args.ts";
import { Progress } from "../../support/progress.ts";
import { describeMethod, digits, markdownTable } from "../../support/report.ts";
import { readToolArgs } from "../../support/tool_args.ts";
import { BROKER_CONNECTION_CASES } from "./cases/broker_connection.ts";
import { HUB_CASES } from "./cases/hub.ts";
import { KEY_CASES } from "./cases/keys.ts";
import { LIMIT_CASES } from "./cases/limits.ts";
import { REPLAY_STORE_CASES } from "./cases/replay_store.ts";
import { STREAM_CASES } from "./cases/streams.ts";
import type { GrowthCase } from "./growth_case.ts";
import { type Growth, growthOf } from "./growth_of.ts";

/** All cases, in the order of the report. */
const CASES: readonly GrowthCase[] = [
  ...BROKER_CONNECTION_CASES,
  ...HUB_CASES,
  ...KEY_CASES,
  ...LIMIT_CASES,
  ...REPLAY_STORE_CASES,
  ...STREAM_CASES,
];

/** Least runs of each size; the least cost counts, as everything else that the machine does only adds to it. */
const MIN_RUNS = 5;

/** Rounds of runs until a case counts as steep. */
const ROUNDS = 3;

/** Time of a round in which cheap cases run more often, in milliseconds. */
const CASE_MS = 1_000;

const LINE = {
  synopsis: "deno task bench:growth [CASE…]",
  summary: "Measure the cost of work at four sizes, and fail if it grows faster than the size",
  options: {},
  notes: `Cases (default: all of them):\n${CASES.map(({ name }) => `  ${name}`).join("\n")}
The exponent is 0 for a flat cost, 1 for a linear one, 2 for a quadratic one. Exits with 1 if one is
above 1.3, or above 0.5 in a case that must be flat.`,
} as const satisfies CommandLine;

const chosen = readToolArgs(LINE, ({ positionals: names }) => {
  const unknown = names.find((name) => !CASES.some((one) => one.name === name));
  if (unknown !== undefined) throw new UsageError(`Unknown case "${unknown}". See --help`);
  return names.length === 0 ? CASES : CASES.filter(({ name }) => names.includes(name));
});

/** Returns the least cost of each size, in milliseconds, and its growth. */
async function measure(one: GrowthCase): Promise<Growth & { readonly costs: readonly number[] }> {
  const { sizes } = one;
  // Not counted: compiles the code.
  for (const size of sizes) await one.measure(size);
  const costs = sizes.map(() => Infinity);
  let growth = growthOf(one, costs);
  for (let round = 0; round === 0 || (round < ROUNDS && growth.isSteep); round++) {
    const started = performance.now();
    for (let run = 0; run < MIN_RUNS || performance.now() - started < CASE_MS; run++) {
      for (const [index, size] of sizes.entries()) {
        costs[index] = Math.min(costs[index] ?? Infinity, await one.measure(size));
      }
    }
    growth = growthOf(one, costs);
  }
  return { ...growth, costs };
}

const progress = new Progress(chosen.length);
const rows: string[][] = [];
let hasSteep = false;
for (const one of chosen) {
  progress.step(one.name);
  const { costs, exponent, isSteep } = await measure(one);
  hasSteep ||= isSteep;
  const cells = one.sizes.map((size, index) => `${size}: ${digits(costs[index] ?? NaN, 2)}`);
  rows.push([`${one.name}, ${one.unit}: ms`, ...cells, `${digits(exponent, 2)}${isSteep ? " STEEP" : ""}`]);
}
// deno-lint-ignore no-console
console.log([
  markdownTable(["", "1", "2", "3", "4", "Exponent"], rows),
  "",
  describeMethod([`Least of at least ${MIN_RUNS} runs of each size, in one process with fake brokers`]),
].join("\n"));
Deno.exit(hasSteep ? 1 : 0);
