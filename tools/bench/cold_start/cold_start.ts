/**
 * Measures the time from the start of the gateway's process to its first sealed answer, and the memory of an idle
 * gateway.
 */
import type { CommandLine } from "../../../src/cli/args.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import { startHelper } from "../../support/helper_process.ts";
import { rssBytes } from "../../support/process_stats.ts";
import { Progress } from "../../support/progress.ts";
import { describeMethod, digits, markdownTable } from "../../support/report.ts";
import { median } from "../../support/statistics.ts";
import { inScope, runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";

const LINE = {
  synopsis: "deno task bench:cold-start [RUNS]",
  summary: "Measure the time from a start to the first answer, and the memory of an idle gateway",
  options: {},
  notes: "RUNS is the number of starts (default: 5).",
} as const satisfies CommandLine;

const RUNS = readToolArgs(LINE, ({ positionals: [runs, ...more] }) => {
  refuseMore(more);
  return readNumber(runs, { name: "RUNS", standard: 5, min: 1, isWhole: true });
});

const IDLE_MS = 5000;

await runTool(async (started) => {
  const jeedom = startHelper(new URL("../load/jeedom.ts", import.meta.url));
  started.defer(() => jeedom.stop());
  const env = { JEEDOM_URL: await jeedom.ask<string>("url"), JEEDOM_APIKEY: "bench" };
  const runs: { listens: number; answered: number; idle: number }[] = [];
  const progress = new Progress(RUNS);
  for (let run = 0; run < RUNS; run++) {
    progress.step("start");
    await inScope(started, async (scope) => {
      const began = performance.now();
      const gateway = await startBenchGateway(scope, { env });
      const listens = performance.now() - began;
      const { status, body } = await gateway.client.callJeedom("cmd::byId", { marker: run });
      const answered = performance.now() - began;
      if (status !== 200 || !JSON.stringify(body).includes(`"marker":${run}`)) throw new Error(`Got status ${status}`);
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      runs.push({ listens, answered, idle: await rssBytes(gateway.pid) / 2 ** 20 });
    });
  }
  const row = (name: string, values: readonly number[]) => [
    name,
    digits(median(values), 0),
    digits(Math.min(...values), 0),
    digits(Math.max(...values), 0),
  ];
  return [
    markdownTable(["", "Median", "Least", "Most"], [
      row("Until it listens, ms", runs.map(({ listens }) => listens)),
      row("Until the first sealed answer, ms", runs.map(({ answered }) => answered)),
      row("RSS when idle, MB", runs.map(({ idle }) => idle)),
    ]),
    "",
    describeMethod([
      `${RUNS} runs, each in a directory without a key yet, so the key is created as well; embedded broker; code in Deno's cache`,
      `The first request is a Jeedom call; memory is RSS ${
        IDLE_MS / 1000
      } s after it, without a forced garbage collection`,
    ]),
  ].join("\n");
});
