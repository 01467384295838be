/**
 * Measures replicas on Redis: requests through one, two and three of them, the fan-out of messages by the shared log beside
 * the same fan-out without Redis, and the memory of the log.
 */
import type { CommandLine } from "../../../src/cli/args.ts";
import type { Variables } from "../../../src/config/rules.ts";
import { HAPROXY, startHaproxy } from "../../../tests/support/haproxy.ts";
import { MOSQUITTO, startBroker } from "../../../tests/support/broker.ts";
import { REDIS_SERVER, startRedis, type TestRedis } from "../../../tests/support/redis_server.ts";
import { startHelper } from "../../support/helper_process.ts";
import { cpuMs } from "../../support/process_stats.ts";
import { Progress } from "../../support/progress.ts";
import { describeMethod, digits, markdownTable } from "../../support/report.ts";
import { inScope, runTool } from "../../support/run_tool.ts";
import { median } from "../../support/statistics.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import type { ListenerCounts } from "../fanout/listeners.ts";
import { replayMemoryBytes, WARM_UP, workName } from "../load/driver.ts";
import type { LoadResult } from "../load/generator.ts";
import type { Work } from "../load/work.ts";

const LINE = {
  synopsis: "deno task bench:replicas [SECONDS] [ROUNDS]",
  summary: "Measure requests, fan-out and memory of replicas on Redis",
  options: {},
  notes: `Arguments:
  SECONDS  for each case, 1 to 30 (default: 5)
  ROUNDS   of all cases (default: 3)
Exit code 77 if Mosquitto, Redis or HAProxy is not installed.`,
} as const satisfies CommandLine;

const [SECONDS, ROUNDS] = readToolArgs(LINE, ({ positionals: [seconds, rounds, ...more] }) => {
  refuseMore(more);
  return [
    readNumber(seconds, { name: "SECONDS", standard: 5, min: 1, max: 30 }),
    readNumber(rounds, { name: "ROUNDS", standard: 3, min: 1, isWhole: true }),
  ] as const;
});

if (MOSQUITTO === undefined || REDIS_SERVER === undefined || HAPROXY === undefined) {
  // deno-lint-ignore no-console
  console.error("Install what is missing: sudo apt-get install mosquitto redis-server haproxy");
  Deno.exit(77);
}

/** Numbers of gateways behind the balancer. */
const REPLICAS: readonly number[] = [1, 2, 3];

/** Requests that are measured. */
const WORKS: readonly Work[] = [{ kind: "jeedom" }, { kind: "publish", qos: 1 }];

/** Connections of the generator. */
const CONNECTIONS = 16;

/** Listeners of the fan-out, all with one key. */
const LISTENERS = 1000;

/** Messages per second of the fan-out. */
const RATE = 20;

/** Messages by which the memory of the log is measured, of about 100 bytes each. */
const EVENTS = 100_000;

/** Fan-out of one round. */
interface FanOut extends ListenerCounts {
  /** CPU time of the gateway for one delivery, in microseconds. */
  readonly gatewayUs: number;
  /** CPU time of Redis for one message, in microseconds. */
  readonly redisUs: number;
}

await runTool(async (started) => {
  const helper = (path: string) => {
    const process = startHelper(new URL(path, import.meta.url));
    started.defer(() => process.stop());
    return process;
  };
  const [generator, jeedom] = [helper("../load/generator.ts"), helper("../load/jeedom.ts")];
  const [publisher, listeners] = [helper("../fanout/publisher.ts"), helper("../fanout/listeners.ts")];
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 10000000"]);
  started.defer(() => broker.stop());
  const env: Variables = {
    JEEDOM_URL: await jeedom.ask<string>("url"),
    JEEDOM_APIKEY: "bench",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    REPLAY_MEMORY_BYTES: replayMemoryBytes(SECONDS),
  };
  const shared = (redis: TestRedis): Variables => ({ ...env, REDIS_URL: redis.url().href });
  const openRedis = (scope: AsyncDisposableStack) => startRedis(scope, { appendonly: true });
  let runs = 0;

  /** Requests per second through some replicas. */
  const requests = (work: Work, count: number) =>
    inScope(started, async (scope) => {
      const redis = await openRedis(scope);
      const directory = await Deno.makeTempDir({ prefix: "bench-replicas-" });
      scope.defer(() => Deno.remove(directory, { recursive: true }));
      const gateways = [];
      // One after the other: the first one makes the key that all of them read.
      for (let index = 0; index < count; index++) {
        gateways.push(await startBenchGateway(scope, { env: shared(redis), directory }));
      }
      const url = await startHaproxy(scope, gateways.map((gateway) => ({ port: Number(new URL(gateway.url).port) })));
      const order = { port: Number(new URL(url).port), key: gateways[0]?.key, work, connections: CONNECTIONS };
      for (const seconds of [WARM_UP.seconds, SECONDS]) {
        await generator.ask("prepare", { ...order, ready: seconds * 3000 });
        const { requests, seconds: took } = await generator.ask<LoadResult>("run", { seconds });
        await generator.ask("verify");
        if (seconds === SECONDS) return requests / took;
      }
      return NaN;
    });

  async function publishTo(events: number): Promise<ListenerCounts> {
    const run = ++runs;
    await listeners.ask("begin");
    await publisher.ask("publish", { qos: 1, rate: RATE, events, run, port: broker.port });
    return await listeners.ask<ListenerCounts>("collect", { run, events });
  }

  /** Fan-out through one gateway, with the shared log or without. */
  const fanOut = (hasRedis: boolean) =>
    inScope(started, async (scope): Promise<FanOut> => {
      const redis = hasRedis ? await openRedis(scope) : undefined;
      const gateway = await startBenchGateway(scope, { env: redis === undefined ? env : shared(redis) });
      const order = { port: Number(new URL(gateway.url).port), key: gateway.key, count: LISTENERS, version: 2 };
      await listeners.ask("open", order);
      scope.defer(() => listeners.ask("close"));
      await publishTo(2 * RATE);
      const cpu = async () => [await cpuMs(gateway.pid), redis === undefined ? 0 : await redisCpuMs(redis)] as const;
      const before = await cpu();
      const counts = await publishTo(SECONDS * RATE);
      const after = await cpu();
      if (counts.delivered !== counts.expected || counts.duplicates + counts.outOfOrder > 0) Deno.exitCode = 1;
      return {
        ...counts,
        gatewayUs: (after[0] - before[0]) * 1000 / counts.delivered,
        redisUs: (after[1] - before[1]) * 1000 / (SECONDS * RATE),
      };
    });

  /** Bytes of Redis for the messages, all of which the log keeps. */
  const memory = () =>
    inScope(started, async (scope) => {
      const redis = await openRedis(scope);
      const own = { ...shared(redis), RESUME_BYTES: String(EVENTS * 1024), RESUME_SECONDS: "3600" };
      const gateway = await startBenchGateway(scope, { env: own });
      await listeners.ask("open", { port: Number(new URL(gateway.url).port), key: gateway.key, count: 1, version: 2 });
      scope.defer(() => listeners.ask("close"));
      const before = await redisBytes(redis);
      const run = ++runs;
      await listeners.ask("begin");
      await publisher.ask("publish", { qos: 1, rate: 0, events: EVENTS, run, port: broker.port });
      await listeners.ask("collect", { run, events: EVENTS });
      return await redisBytes(redis) - before;
    });

  const progress = new Progress(ROUNDS * (WORKS.length * REPLICAS.length + 2) + 1);
  const rates = WORKS.map(() => REPLICAS.map((): number[] => []));
  const fans = { memory: [] as FanOut[], log: [] as FanOut[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [row, work] of WORKS.entries()) {
      for (const [column, count] of REPLICAS.entries()) {
        progress.step(`round ${round + 1} of ${ROUNDS}, ${workName(work)}, ${count} replicas`);
        rates[row]?.[column]?.push(await requests(work, count));
      }
    }
    for (const name of round % 2 === 0 ? ["memory", "log"] as const : ["log", "memory"] as const) {
      progress.step(`round ${round + 1} of ${ROUNDS}, fan-out, history in ${name}`);
      fans[name].push(await fanOut(name === "log"));
    }
  }
  progress.step(`memory of ${EVENTS} messages`);
  const bytes = await memory();
  const ratios = fans.log.map(({ gatewayUs }, round) => gatewayUs / (fans.memory[round]?.gatewayUs ?? NaN));
  return [
    markdownTable(
      ["Requests/s", ...REPLICAS.map((count) => `${count} replicas`)],
      WORKS.map((work, row) => [
        workName(work),
        ...REPLICAS.map((_, column) => {
          return digits(median(rates[row]?.[column] ?? []), 0);
        }),
      ]),
    ),
    "",
    markdownTable(
      ["Fan-out", "Gateway CPU µs a delivery", "Redis CPU µs a message", "p50 ms", "p99 ms", "Gaps"],
      Object.entries(fans).map(([name, rounds]) => [
        name === "log" ? "by the log in Redis" : "in one process, without Redis",
        ...(["gatewayUs", "redisUs", "p50", "p99", "gaps"] as const).map((field) =>
          digits(median(rounds.map((round) => round[field])), 1)
        ),
      ]),
    ),
    "",
    `Ratio of the gateway's CPU: ${digits(median(ratios), 2)}. ` +
    `Redis holds ${EVENTS} messages in ${digits(bytes / 2 ** 20, 1)} MiB, ${digits(bytes / EVENTS, 0)} bytes each.`,
    "",
    describeMethod([
      `${ROUNDS} rounds of ${SECONDS} s for each case, medians; ${CONNECTIONS} connections; gateways, HAProxy, Redis with an ` +
      "append-only file, Mosquitto, Jeedom and the generator share the cores of one machine",
      `Fan-out: ${LISTENERS} listeners of version 2 with batches, ${RATE} messages/s of QoS 1; every event opened, every stream ` +
      "checked for missing, duplicate and out-of-order events",
    ]),
  ].join("\n");
});

async function redisCpuMs(redis: TestRedis): Promise<number> {
  const info = String(await redis.command("INFO", "cpu"));
  const read = (name: string) => Number(new RegExp(`^${name}:(.+?)\\r?$`, "m").exec(info)?.[1]);
  return (read("used_cpu_user") + read("used_cpu_sys")) * 1000;
}

async function redisBytes(redis: TestRedis): Promise<number> {
  const info = String(await redis.command("INFO", "memory"));
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}
