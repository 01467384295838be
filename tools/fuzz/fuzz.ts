/** Sends malformed requests to a gateway, a million by default, and checks every answer and effect. */
import { describeMethod, digits, markdownTable } from "../support/report.ts";
import { formatDuration, reportProgress } from "../support/progress.ts";
import { runTool } from "../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../support/tool_args.ts";
import type { CommandLine } from "../../src/cli/args.ts";
import { fuzzLimits, limitFaults, type LimitResult } from "./limits.ts";
import { type FuzzOptions, type FuzzResult, runFuzz } from "./run_fuzz.ts";

const LINE = {
  synopsis: "deno task fuzz [REQUESTS]",
  summary: "Send malformed requests to a gateway and check its answers",
  options: {
    seed: {
      type: "string",
      value: "NUMBER",
      description: "The same number makes the same requests again; the report ends with it",
    },
  },
  notes: "REQUESTS is at least 100 (default: 1_000_000). Exit code 1 if there was a fault.",
} as const satisfies CommandLine;

const [REQUESTS, SEED] = readToolArgs(LINE, ({ values, positionals: [requests, ...more] }) => {
  refuseMore(more);
  const random = Math.floor(Math.random() * 2 ** 31);
  return [
    readNumber(requests, { name: "REQUESTS", standard: 1_000_000, min: 100, isWhole: true }),
    readNumber(values.seed, { name: "--seed", standard: random, min: 0, isWhole: true }),
  ] as const;
});

/** Share of the requests that are sent again to a gateway with its default limits. */
const LIMITED_SHARE = 0.05;

/** Largest growth of memory in the second half that is not a leak, in bytes: the allocator keeps freed memory. */
const MAX_GROWTH_BYTES = 64 * 2 ** 20;

await runTool(async (scope) => {
  reportProgress(`Seed ${SEED}`);
  const free = await run("without limits", { requests: REQUESTS, scope });
  const limited = await run("with limits", {
    requests: Math.max(100, Math.floor(REQUESTS * LIMITED_SHARE)),
    limited: true,
    scope,
  });
  reportProgress("exceeding each limit, about 10 s");
  const limits = await fuzzLimits(scope);
  const faults = [...free.faults, ...limited.faults, ...limitFaults(limits), ...growth(free)];
  if (faults.length > 0) Deno.exitCode = 1;
  return [
    ...section("Without limits", free),
    ...section("With the default limits", limited),
    ...limitSection(limits),
    faults.length === 0 ? "No fault." : `Faults:\n${faults.map((fault) => `- ${fault}`).join("\n")}`,
    "",
    describeMethod([`Seed ${SEED}; \`deno task fuzz ${REQUESTS} --seed ${SEED}\` makes the same requests again`]),
  ].join("\n");
});

function run(name: string, options: Omit<FuzzOptions, "seed">): Promise<FuzzResult> {
  const began = performance.now();
  const progress = (requests: number) => {
    const passed = performance.now() - began;
    const left = passed / requests * (options.requests - requests);
    const times = `${formatDuration(passed)} so far, about ${formatDuration(left)} left`;
    return `${name}: ${requests} of ${options.requests}, ${times}`;
  };
  return runFuzz({
    seed: SEED,
    ...options,
    onRequests: (requests) => reportProgress(progress(requests)),
    onSample: ({ requests, rate, rss, heap }) =>
      reportProgress(
        `${progress(requests)}; ${digits(rate, 0)}/s, RSS ${digits(rss / 2 ** 20, 0)} MB, ` +
          `heap ${digits(heap / 2 ** 20, 0)} MB`,
      ),
  });
}

function growth({ samples }: FuzzResult): string[] {
  const half = samples[Math.floor(samples.length / 2) - 1];
  const last = samples.at(-1);
  if (half === undefined || last === undefined || last.rss - half.rss <= MAX_GROWTH_BYTES) return [];
  return [`Memory grew by ${digits((last.rss - half.rss) / 2 ** 20, 0)} MB in the second half`];
}

function section(title: string, { counts, samples, descriptors }: FuzzResult): string[] {
  const rows = [...counts.outcomes].toSorted(([one], [other]) => one < other ? -1 : 1).map(([kind, outcomes]) => {
    const sorted = [...outcomes].toSorted(([, one], [, other]) => other - one);
    const sum = sorted.reduce((total, [, count]) => total + count, 0);
    return [kind, String(sum), sorted.map(([outcome, count]) => `${outcome}: ${count}`).join(", ")];
  });
  const seconds = samples.reduce(
    (sum, { requests, rate }, at) => sum + (requests - (samples[at - 1]?.requests ?? 0)) / rate,
    0,
  );
  const mebibytes = (bytes: number | undefined) => digits((bytes ?? NaN) / 2 ** 20, 0);
  const rss = [0, 1, 4, -1].map((at) => mebibytes(samples.at(at)?.rss)).join(", ");
  const { publish, call } = counts.executed;
  return [
    `## ${title}`,
    "",
    `${counts.requests} requests in ${digits(seconds, 0)} s (${digits(counts.requests / seconds, 0)}/s), ` +
    `${publish} published, ${call} called, ${counts.faultCount} faults. RSS after a tenth, a fifth, half and all: ` +
    `${rss} MB, heap at the end ${mebibytes(samples.at(-1)?.heap)} MB. Descriptors before and after: ` +
    `${descriptors.before}, ${descriptors.after}.`,
    "",
    markdownTable(["Kind", "Requests", "Answers"], rows),
    "",
  ];
}

function limitSection(limits: readonly LimitResult[]): string[] {
  const rows = limits.map(({ name, sent, passed, atMost }) => [name, String(sent), String(passed), digits(atMost, 0)]);
  return ["## Exceeding each limit", "", markdownTable(["Limit", "Sent", "Passed", "At most"], rows), ""];
}
