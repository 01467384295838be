/** Measures whether the gateway stays as fast under full load for minutes, while it forgets as many requests as it gets. */
import type { CommandLine } from "../../../src/cli/args.ts";
import { EXIT_FAILURE } from "../../../src/cli/exit_codes.ts";
import { ENTRY_BYTES } from "../../../src/store/memory_replay.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import { requireMosquitto, startCountingBroker } from "../load/counting_broker.ts";
import { startHelper } from "../../support/helper_process.ts";
import { cpuMs, rssBytes } from "../../support/process_stats.ts";
import { Progress } from "../../support/progress.ts";
import { describeMethod, digits, markdownTable } from "../../support/report.ts";
import { runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";
import type { SteadyLoadOptions } from "./steady_generator.ts";

const LINE = {
  synopsis: "deno task bench:sustained [MINUTES]",
  summary: "Measure whether throughput, CPU time and memory stay the same under full load",
  options: {},
  notes: `Arguments:
  MINUTES  of load, after a warm-up (default: 5)
Exit code 1 if the last window has less than 0.9 of the throughput of the first one, 77 if Mosquitto is not installed.`,
} as const satisfies CommandLine;

const MINUTES = readToolArgs(LINE, ({ positionals: [minutes, ...more] }) => {
  refuseMore(more);
  return readNumber(minutes, { name: "MINUTES", standard: 5, min: 0.01, max: 24 * 60 });
});

requireMosquitto();

const CONNECTIONS = 16;

/** Length of a window, in seconds: three of them in a very short run. */
const WINDOW_SECONDS = Math.min(10, MINUTES * 60 / 3);
const WINDOWS = Math.round(MINUTES * 60 / WINDOW_SECONDS);

/** Least ratio of the throughput of the last window to the first one. */
const LEAST_RATIO = 0.9;

/** Requests per second that the replay store has room for; they are stored for 120 s, and the key may use half of it. */
const REQUESTS_PER_SECOND = 12_000;
const REPLAY_MEMORY_BYTES = REQUESTS_PER_SECOND * 120 * ENTRY_BYTES * 2;

/** A larger heap than that of `deno task start`, for the answers that the larger store keeps. */
const HEAP_FLAG = "--v8-flags=--max-old-space-size=512";

interface Window {
  readonly from: number;
  readonly to: number;
  readonly rate: number;
  /** Milliseconds. */
  readonly cpuPerRequest: number;
  readonly rss: number;
  readonly generatorCores: number;
}

await runTool(async (started) => {
  const generator = startHelper(new URL("steady_generator.ts", import.meta.url));
  started.defer(() => generator.stop());
  const broker = await startCountingBroker(started);
  const gateway = await startBenchGateway(started, {
    env: {
      MQTT_BROKER_HOST: broker.host,
      MQTT_BROKER_PORT: String(broker.port),
      REPLAY_MEMORY_BYTES: String(REPLAY_MEMORY_BYTES),
    },
    flags: [HEAP_FLAG],
  });

  async function readState() {
    const [requests, cpu, rss, generatorCpu] = await Promise.all([
      generator.ask<number>("count"),
      cpuMs(gateway.pid),
      rssBytes(gateway.pid),
      cpuMs(generator.pid),
    ]);
    return { at: performance.now(), requests, cpu, rss, generatorCpu };
  }

  const load: SteadyLoadOptions = {
    port: Number(new URL(gateway.url).port),
    key: gateway.key,
    connections: CONNECTIONS,
  };
  const progress = new Progress(WINDOWS + 1);
  progress.step("warm-up");
  await generator.ask("start", load);
  await pause(WINDOW_SECONDS);
  const windows: Window[] = [];
  const began = performance.now();
  let before = await readState();
  for (let number = 1; number <= WINDOWS; number++) {
    progress.step(`window ${number}`);
    await pause(WINDOW_SECONDS);
    const after = await readState();
    const seconds = (after.at - before.at) / 1000;
    const requests = after.requests - before.requests;
    windows.push({
      from: (before.at - began) / 1000,
      to: (after.at - began) / 1000,
      rate: requests / seconds,
      cpuPerRequest: (after.cpu - before.cpu) / requests,
      rss: after.rss,
      generatorCores: (after.generatorCpu - before.generatorCpu) / 1000 / seconds,
    });
    before = after;
  }
  await broker.expect(await generator.ask<number>("stop"));
  const ratio = (windows.at(-1)?.rate ?? NaN) / (windows[0]?.rate ?? NaN);
  const isFlat = ratio >= LEAST_RATIO;
  if (!isFlat) Deno.exitCode = EXIT_FAILURE;
  return [
    table(windows),
    "",
    `Last to first: ${digits(ratio, 2)}, ${isFlat ? "flat" : `less than ${LEAST_RATIO}`}`,
    "",
    describeMethod([
      `Publishes of QoS 1 over ${CONNECTIONS} connections, flat out, after a warm-up of ${digits(WINDOW_SECONDS, 0)} s`,
      "One gateway process: replay store, rate limits, logs and audit on; limits too wide to refuse, " +
      `REPLAY_MEMORY_BYTES ${REPLAY_MEMORY_BYTES}, and answers are kept as well; allocator and heap as in deno task start, ` +
      "with a heap of up to 512 MB",
      "Every request sealed with its own nonce, every answer opened and checked, every publish counted by the broker",
      "Generator, gateway and broker are separate processes that share the cores",
    ]),
  ].join("\n");
});

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

function table(windows: readonly Window[]): string {
  return markdownTable(
    ["Seconds", "Requests/s", "CPU ms/req", "RSS MB", "Generator cores"],
    windows.map(({ from, to, rate, cpuPerRequest, rss, generatorCores }) => [
      `${digits(from, 0)}–${digits(to, 0)}`,
      digits(rate, 0),
      digits(cpuPerRequest, 3),
      digits(rss / 2 ** 20, 0),
      digits(generatorCores, 2),
    ]),
  );
}
