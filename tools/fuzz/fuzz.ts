/** Sends malformed requests to a gateway, a million by default, and tells what came of them. */
import { describeMethod, digits, markdownTable } from "../support/report.ts";
import { formatSpan, reportProgress } from "../support/progress.ts";
import { runBench } from "../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../support/tool_args.ts";
import type { CommandLine } from "../../src/cli/args.ts";
import { fuzzLimits, limitFaults, type LimitResult } from "./limits.ts";
import { type FuzzOptions, type FuzzResult, runFuzz } from "./run_fuzz.ts";

const LINE = {
  synopsis: "deno task fuzz [REQUESTS]",
  summary: "Send malformed requests to a gateway, and watch it",
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

/** Share of the requests that meet a gateway with its default limits. */
const LIMITED_SHARE = 0.05;

/** Growth of memory in the second half that is still no leak, in bytes: the allocator keeps what was used once. */
const MAX_GROWTH_BYTES = 64 * 2 ** 20;

await runBench(async (scope) => {
  reportProgress(`Seed ${SEED}`);
  const free = await run("without limits", { requests: REQUESTS, scope });
  const limited = await run("with limits", {
    requests: Math.max(100, Math.floor(REQUESTS * LIMITED_SHARE)),
    limited: true,
    scope,
  });
  reportProgress("beyond each limit, about 10 s");
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
  const share = (attempts: number) => {
    const passed = performance.now() - began;
    const left = passed / attempts * (options.requests - attempts);
    return `${name}: ${attempts} of ${options.requests}, ${formatSpan(passed)} so far, about ${formatSpan(left)} left`;
  };
  return runFuzz({
    seed: SEED,
    ...options,
    onAttempts: (attempts) => reportProgress(share(attempts)),
    onProgress: ({ attempts, pace, rss, heap }) =>
      reportProgress(
        `${share(attempts)}; ${digits(pace, 0)}/s, RSS ${digits(rss / 2 ** 20, 0)} MB, ` +
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

function section(title: string, { tally, samples, descriptors }: FuzzResult): string[] {
  const rows = [...tally.outcomes].toSorted(([one], [other]) => one < other ? -1 : 1).map(([kind, outcomes]) => {
    const counts = [...outcomes].toSorted(([, one], [, other]) => other - one);
    const sum = counts.reduce((total, [, count]) => total + count, 0);
    return [kind, String(sum), counts.map(([outcome, count]) => `${outcome}: ${count}`).join(", ")];
  });
  const seconds = samples.reduce(
    (sum, { attempts, pace }, at) => sum + (attempts - (samples[at - 1]?.attempts ?? 0)) / pace,
    0,
  );
  const mb = (sample: number) => digits((samples.at(sample)?.rss ?? NaN) / 2 ** 20, 0);
  return [
    `## ${title}`,
    "",
    `${tally.attempts} attempts in ${digits(seconds, 0)} s (${
      digits(tally.attempts / seconds, 0)
    }/s), ${tally.ran.publish} ` +
    `published, ${tally.ran.call} called, ${tally.faultCount} faults. RSS after a tenth, a fifth, half and all: ${
      mb(0)
    }, ` +
    `${mb(1)}, ${mb(4)}, ${mb(-1)} MB, heap at the end ${
      digits((samples.at(-1)?.heap ?? NaN) / 2 ** 20, 0)
    } MB. Descriptors before and after: ${descriptors.before}, ${descriptors.after}.`,
    "",
    markdownTable(["Kind", "Attempts", "Answers"], rows),
    "",
  ];
}

function limitSection(limits: readonly LimitResult[]): string[] {
  const rows = limits.map(({ name, sent, passed, atMost }) => [name, String(sent), String(passed), digits(atMost, 0)]);
  return ["## Beyond each limit", "", markdownTable(["Limit", "Sent", "Passed", "At most"], rows), ""];
}
