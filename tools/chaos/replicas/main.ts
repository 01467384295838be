/** Command line of `deno task chaos replicas`. */
import { type CommandLine, UsageError } from "../../../src/cli/args.ts";
import { markdownTable } from "../../support/report.ts";
import { runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";
import { SeededRandom } from "../../fuzz/seeded_random.ts";
import { REPLICA_FAULTS, type ReplicaFault } from "./faults.ts";
import { type ReplicasResult, runReplicas } from "./run.ts";

/** Interval of the faults, in milliseconds. */
const INTERVAL_MS = 10_000;

const FAULT_NAMES = REPLICA_FAULTS.map(({ name }) => name);

const LINE = {
  synopsis: "deno task chaos replicas",
  summary: "Kill and freeze replicas, Redis, the broker and the links between them under the load of many phones",
  options: {
    minutes: { type: "string", value: "N", default: "10", description: "Duration, one fault every 10 s" },
    phones: { type: "string", value: "N", default: "200", description: "Phones, each with a stream and requests" },
    seed: { type: "string", value: "N", default: "1", description: "Seed of the order of the faults" },
    faults: { type: "string", value: "NAMES", description: `All by default; some of: ${FAULT_NAMES.join(", ")}` },
  },
  notes: "Needs Mosquitto, Redis and HAProxy. Exit code 1 if an invariant was violated.",
} as const satisfies CommandLine;

const options = readToolArgs(LINE, ({ positionals, values: { minutes, phones, seed, faults } }) => {
  refuseMore(positionals.slice(1));
  return {
    seconds: readNumber(minutes, { name: "--minutes", standard: 10, min: 0.1, max: 1000 }) * 60,
    phones: readNumber(phones, { name: "--phones", standard: 200, min: 10, max: 2000, isWhole: true }),
    seed: readNumber(seed, { name: "--seed", standard: 1, min: 1, isWhole: true }),
    faults: readFaults(faults),
  };
});

// deno-lint-ignore no-console
const print = (text: string) => console.log(text);

await runTool(async (scope) => {
  const random = new SeededRandom(options.seed);
  const result = await runReplicas({
    phones: options.phones,
    faults: faultsFor(options.seconds, random),
    intervalMs: INTERVAL_MS,
    random,
    scope,
    onProgress: ({ name, lastedMs, wholeAfterMs }) =>
      print(`${name.padEnd(28)} lasted ${secondsText(lastedMs)} s, streams whole after ${secondsText(wholeAfterMs)} s`),
  });
  if (result.violations.length > 0) Deno.exitCode = 1;
  return report(result);
});

/** Returns the named faults; all of them by default. */
function readFaults(names: string | undefined): readonly ReplicaFault[] {
  if (names === undefined) return REPLICA_FAULTS;
  return names.split(",").map((text) => {
    const found = REPLICA_FAULTS.find(({ name }) => name === text.trim());
    if (found === undefined) throw new UsageError(`Unknown fault "${text.trim()}". Faults: ${FAULT_NAMES.join(", ")}`);
    return found;
  });
}

/** Yields the faults in a random order, again and again. */
function* faultsFor(seconds: number, random: SeededRandom): Generator<ReplicaFault, void> {
  const end = performance.now() + seconds * 1000;
  while (true) {
    const rest = [...options.faults];
    while (rest.length > 0) {
      if (performance.now() > end) return;
      yield* rest.splice(random.below(rest.length), 1);
    }
  }
}

function secondsText(ms: number): string {
  return isFinite(ms) ? (ms / 1000).toFixed(1) : `more than ${INTERVAL_MS / 1000}`;
}

function report({ faults, sent, acknowledged, events, violations }: ReplicasResult): string {
  const byName = Map.groupBy(faults, ({ name }) => name);
  const rows = [...byName].map(([name, all]) => {
    const times = all.map(({ wholeAfterMs }) => wholeAfterMs).toSorted((one, other) => one - other);
    const lasted = Math.max(...all.map(({ lastedMs }) => lastedMs));
    return [name, String(all.length), secondsText(lasted), times.map(secondsText).join(", ")];
  });
  return [
    "",
    markdownTable(["Fault", "Times", "Lasted, s", "Streams whole after its beginning, s"], rows),
    "",
    `Messages: ${sent.messages} sent, ${acknowledged.messages} acknowledged. ` +
    `Commands: ${sent.commands} sent, ${acknowledged.commands} acknowledged. ` +
    `Events of streams: ${[...events].map(([type, count]) => `${count} ${type}`).join(", ")}.`,
    "",
    violations.length === 0 ? "No invariant was violated." : `Violated: ${violations.length}`,
    ...violations.slice(0, 50).map((violation) => `- ${violation}`),
  ].join("\n");
}
