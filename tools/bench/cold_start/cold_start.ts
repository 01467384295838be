/**
 * Measures the time from the start of the gateway's process to its first sealed answer, and the memory of an idle
 * gateway.
 */
import type { CommandLine } from "../../../src/cli/args.ts";
import type { Variables } from "../../../src/config/rules.ts";
import { MOSQUITTO, startBroker } from "../../../tests/support/broker.ts";
import { spawnMain } from "../../../tests/support/gateway_process.ts";
import { REDIS_SERVER, startRedis } from "../../../tests/support/redis_server.ts";
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
  options: {
    idle: { type: "string", value: "SECONDS", default: "5", description: "Time from the first answer to its memory" },
  },
  notes: `RUNS is the number of starts of each kind (default: 5).
Starts with Mosquitto and with Redis are left out where these are not installed.`,
} as const satisfies CommandLine;

const [RUNS, IDLE_SECONDS] = readToolArgs(LINE, ({ positionals: [runs, ...more], values: { idle } }) => {
  refuseMore(more);
  return [
    readNumber(runs, { name: "RUNS", standard: 5, min: 1, isWhole: true }),
    readNumber(idle, { name: "--idle", standard: 5, min: 0 }),
  ] as const;
});

/** Measurements of one start, in milliseconds and bytes. */
interface Start {
  readonly listens: number;
  readonly answered: number;
  readonly rss: number;
}

await runTool(async (started) => {
  const jeedom = startHelper(new URL("../load/jeedom.ts", import.meta.url));
  started.defer(() => jeedom.stop());
  const env = { JEEDOM_URL: await jeedom.ask<string>("url"), JEEDOM_APIKEY: "bench" };
  const broker = MOSQUITTO === undefined ? undefined : await startBroker();
  started.defer(() => broker?.stop());
  const redis = REDIS_SERVER === undefined ? undefined : await startRedis(started);
  const withBroker = broker && { MQTT_BROKER_HOST: broker.host, MQTT_BROKER_PORT: String(broker.port) };
  const kinds = [
    { name: "First start, which creates the key", env: {} },
    { name: "Later start", env: {} },
    ...withBroker === undefined ? [] : [{ name: "Later start, Mosquitto", env: withBroker }],
    ...redis === undefined ? [] : [
      {
        name: `Later start, ${withBroker ? "Mosquitto and " : ""}Redis`,
        env: { ...withBroker, REDIS_URL: redis.url().href },
      },
    ],
  ].map((kind) => ({ ...kind, starts: new Array<Start>() }));
  const plans: number[] = [];
  const progress = new Progress(RUNS * kinds.length);

  async function measureStart(own: Variables, directory: string): Promise<Start> {
    return await inScope(started, async (scope) => {
      const began = performance.now();
      const gateway = await startBenchGateway(scope, { env: { ...env, ...own }, directory });
      const listens = performance.now() - began;
      const marker = Math.random();
      const { status, body } = await gateway.client.callJeedom("cmd::byId", { marker });
      const answered = performance.now() - began;
      if (status !== 200 || !JSON.stringify(body).includes(`"marker":${marker}`)) {
        throw new Error(`Got status ${status}`);
      }
      await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
      return { listens, answered, rss: await rssBytes(gateway.pid) };
    });
  }

  async function measurePlan(directory: string): Promise<number> {
    const began = performance.now();
    const { success } = await spawnMain(["permissions"], { directory, env }).output();
    if (!success) throw new Error("No permissions");
    return performance.now() - began;
  }

  for (let run = 0; run < RUNS; run++) {
    await inScope(started, async (scope) => {
      const directory = await Deno.makeTempDir({ prefix: "cold-start-" });
      scope.defer(() => Deno.remove(directory, { recursive: true }));
      for (const kind of kinds) {
        progress.step(kind.name);
        kind.starts.push(await measureStart(kind.env, directory));
      }
      plans.push(await measurePlan(directory));
    });
  }
  const cell = (values: readonly number[]) =>
    `${digits(median(values), 0)} (${digits(Math.min(...values), 0)}–${digits(Math.max(...values), 0)})`;
  return [
    markdownTable(
      ["", "Listens, ms", "First sealed answer, ms", "Idle RSS, MB"],
      [
        ...kinds.map(({ name, starts }) => [
          name,
          cell(starts.map(({ listens }) => listens)),
          cell(starts.map(({ answered }) => answered)),
          cell(starts.map(({ rss }) => rss / 2 ** 20)),
        ]),
        ["Permissions, before each start by deno task start", cell(plans), "", ""],
      ],
    ),
    "",
    describeMethod([
      `${RUNS} runs of each kind, in turn; medians, with the lowest and highest in brackets; code in Deno's cache`,
      "The embedded broker, unless Mosquitto is named. A later start has the directory and the key of the first one, " +
      "and follows a clean stop",
      `The first request is a Jeedom call; memory is RSS ${IDLE_SECONDS} s after it, without a forced garbage collection, ` +
      "with the flags of deno task start",
    ]),
  ].join("\n");
});
