/**
 * Compares the gateway of the working directory with that of another commit under the cases of `bench:load`, one after
 * the other in the same run.
 */
import { type CommandLine, UsageError } from "../../../src/cli/args.ts";
import { EXIT_USAGE } from "../../../src/cli/exit_codes.ts";
import { startHelper } from "../../support/helper_process.ts";
import { Progress } from "../../support/progress.ts";
import { describeMethod } from "../../support/report.ts";
import { inScope, runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import { requireMosquitto, startCountingBroker } from "../load/counting_broker.ts";
import { CONNECTIONS, createLoadDriver, replayMemoryBytes, WARM_UP, workName, WORKS } from "../load/driver.ts";
import type { Work } from "../load/work.ts";
import { checkOut, findCommit } from "./checkouts.ts";
import { isSlower, ratioTable, type Round, SLOWER_BELOW } from "./ratios.ts";

const CASES: ReadonlyMap<string, { readonly work: Work; readonly connections: number }> = new Map(
  WORKS.flatMap((work) =>
    CONNECTIONS.map((connections) => {
      const kind = work.kind === "publish" ? `publish${work.qos}` : work.kind;
      return [`${kind}:${connections}`, { work, connections }] as const;
    })
  ),
);

const LINE = {
  synopsis: "deno task bench:compare BASE",
  summary: "Compare the gateway of the working directory with that of another commit, under the cases of bench:load",
  options: {
    seconds: { type: "string", value: "SECONDS", default: "5", description: "For each measurement, 1 to 30" },
    rounds: { type: "string", value: "ROUNDS", default: "5", description: "Rounds of all rows" },
    rows: { type: "string", value: "ROWS", description: `Rows, separated by commas; all by default:\n${list()}` },
  },
  notes: `BASE is a commit, a branch or a tag.
Exit code 1 if a row is slower than ${SLOWER_BELOW} of the base in every round, 77 if Mosquitto is not installed.`,
} as const satisfies CommandLine;

function list(): string {
  return WORKS.map((_, at) => [...CASES.keys()].slice(at * CONNECTIONS.length, (at + 1) * CONNECTIONS.length).join(","))
    .join(",\n");
}

const { BASE, SECONDS, ROUNDS, ROWS } = readToolArgs(LINE, ({ positionals: [base, ...more], values }) => {
  if (base === undefined) throw new UsageError("BASE is missing");
  refuseMore(more);
  const names = values.rows?.split(",") ?? [...CASES.keys()];
  return {
    BASE: base,
    SECONDS: readNumber(values.seconds, { name: "SECONDS", standard: 5, min: 1, max: 30 }),
    ROUNDS: readNumber(values.rounds, { name: "ROUNDS", standard: 5, min: 1, isWhole: true }),
    ROWS: names.map((name) => {
      const row = CASES.get(name);
      if (row === undefined) throw new UsageError(`No row "${name}": take ${[...CASES.keys()].join(", ")}`);
      return { ...row, rounds: new Array<Round>() };
    }),
  };
});

requireMosquitto();

const REPOSITORY = new URL("../../..", import.meta.url).pathname;
const COMMIT = await findCommit(BASE, REPOSITORY);
if (COMMIT === undefined) {
  // deno-lint-ignore no-console
  console.error(`No commit "${BASE}"`);
  Deno.exit(EXIT_USAGE);
}

await runTool(async (started) => {
  const checkouts = await checkOut(COMMIT, REPOSITORY, started);
  const [generator, jeedom] = ["generator", "jeedom"].map((name) => {
    const process = startHelper(new URL(`../load/${name}.ts`, import.meta.url));
    started.defer(() => process.stop());
    return process;
  });
  if (generator === undefined || jeedom === undefined) throw new Error("No helpers");
  const broker = await startCountingBroker(started);
  const driver = createLoadDriver(generator, broker);
  const env = {
    JEEDOM_URL: await jeedom.ask<string>("url"),
    JEEDOM_APIKEY: "bench",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    REPLAY_MEMORY_BYTES: replayMemoryBytes(SECONDS),
  };
  const progress = new Progress(ROUNDS * ROWS.length * 2);

  for (let round = 0; round < ROUNDS; round++) {
    for (const { work, connections, rounds } of ROWS) {
      const measure = (state: keyof Round) =>
        inScope(started, async (scope) => {
          progress.step(`round ${round + 1} of ${ROUNDS}, ${workName(work)}, ${connections} connections, ${state}`);
          const gateway = await startBenchGateway(scope, { env, checkout: checkouts[state] });
          const target = { port: Number(new URL(gateway.url).port), key: gateway.key, work, connections };
          const { rate } = await driver.load(target, { pid: gateway.pid, seconds: SECONDS });
          return rate;
        });
      // Alternates the order, so that none is always measured on a warm machine.
      if (round % 2 === 0) rounds.push({ base: await measure("base"), working: await measure("working") });
      else rounds.push({ working: await measure("working"), base: await measure("base") });
    }
  }
  const rows = ROWS.map(({ work, connections, rounds }) => ({
    name: `${workName(work)}, ${connections} connections`,
    rounds,
  }));
  if (rows.some(isSlower)) Deno.exitCode = 1;
  return [
    ratioTable(rows),
    "",
    describeMethod([
      `The working directory beside ${BASE}: ${ROUNDS} rounds of ${SECONDS} s after ${WARM_UP.seconds} s of warm-up, a fresh ` +
      "gateway for each; medians, and ratios from the same round",
      `SLOWER: below ${SLOWER_BELOW} in every round`,
      "Load, limits and checks as in bench:load, both times by the working directory's own generator",
    ]),
  ].join("\n");
});
