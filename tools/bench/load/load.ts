/**
 * Measures requests through the real gateway beside the upper bounds of the platform in the same run: a pass-through
 * proxy before the same Jeedom, and a publisher straight to the same broker.
 */
import type { CommandLine } from "../../../src/cli/args.ts";
import type { Variables } from "../../../src/config/rules.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import { startHelper } from "../../support/helper_process.ts";
import { requireMosquitto, startCountingBroker } from "./counting_broker.ts";
import { CONNECTIONS, createLoadDriver, type Measured, replayMemoryBytes, WARM_UP, workName, WORKS } from "./driver.ts";
import type { LoadOptions, LoadResult } from "./generator.ts";
import type { Work } from "./work.ts";
import { cpuMs, rssBytes } from "../../support/process_stats.ts";
import { Progress } from "../../support/progress.ts";
import { median } from "../../support/statistics.ts";
import { describeMethod, digits, markdownTable } from "../../support/report.ts";
import { inScope, runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";

const LINE = {
  synopsis: "deno task bench:load [SECONDS] [ROUNDS]",
  summary: "Measure requests through the gateway beside a pass-through proxy and a straight publisher",
  options: {},
  notes: `Arguments:
  SECONDS  for each case, 1 to 30 (default: 5)
  ROUNDS   of all cases (default: 5)
Exit code 77 if Mosquitto is not installed.
Arguments after -- are passed to the deno run of the gateway, such as -- --cpu-prof --cpu-prof-dir=/tmp/profiles`,
} as const satisfies CommandLine;

const [SECONDS, ROUNDS, GATEWAY_FLAGS] = readToolArgs(LINE, ({ positionals }) => {
  const flags = positionals.filter((word) => word.startsWith("-"));
  const [seconds, rounds, ...more] = positionals.filter((word) => !word.startsWith("-"));
  refuseMore(more);
  return [
    readNumber(seconds, { name: "SECONDS", standard: 5, min: 1, max: 30 }),
    readNumber(rounds, { name: "ROUNDS", standard: 5, min: 1, isWhole: true }),
    flags,
  ] as const;
});

requireMosquitto();

/** Measurements of one case, one for each round. */
interface Results {
  readonly gateway: Measured[];
  readonly native: Measured[];
  readonly bare: Measured[];
  readonly ceiling: Measured[];
}

await runTool(async (started) => {
  const helper = (name: string, scope = started) => {
    const process = startHelper(new URL(`${name}.ts`, import.meta.url));
    scope.defer(() => process.stop());
    return process;
  };
  const [generator, jeedom, proxy, straight] = [
    helper("generator"),
    helper("jeedom"),
    helper("proxy"),
    helper("straight_publisher"),
  ];
  const broker = await startCountingBroker(started);
  const jeedomUrl = await jeedom.ask<string>("url");
  const proxyPort = await proxy.ask<number>("serve", jeedomUrl);
  const bareKey = "0".repeat(64);
  const env = {
    JEEDOM_URL: jeedomUrl,
    JEEDOM_APIKEY: "bench",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    REPLAY_MEMORY_BYTES: replayMemoryBytes(SECONDS),
  };
  const driver = createLoadDriver(generator, broker);
  const load = (target: Omit<LoadOptions, "ready">, pid: number) => driver.load(target, { pid, seconds: SECONDS });

  const gatewayCase = (work: Work, connections: number, own: Variables = {}) =>
    inScope(started, async (scope) => {
      const gateway = await startBenchGateway(scope, { env: { ...env, ...own }, flags: GATEWAY_FLAGS });
      return await load({ port: Number(new URL(gateway.url).port), key: gateway.key, work, connections }, gateway.pid);
    });

  // As new as the gateway's process: the code of both is compiled meanwhile.
  const bareCase = (work: Work, connections: number) =>
    inScope(started, async (scope) => {
      const bare = helper("bare_sealing", scope);
      const port = await bare.ask<number>("serve", { key: bareKey, jeedom: jeedomUrl, brokerPort: broker.port });
      return await load({ port, key: bareKey, work, connections }, bare.pid);
    });

  const proxyCase = (connections: number) =>
    load({ port: proxyPort, key: "0".repeat(64), work: { kind: "proxy" }, connections }, proxy.pid);

  async function straightCase(qos: 0 | 1, inFlight: number): Promise<Measured> {
    const order = { port: broker.port, qos, inFlight };
    const warmUp = await straight.ask<LoadResult>("run", { ...order, seconds: WARM_UP.seconds });
    const before = await cpuMs(straight.pid);
    const result = await straight.ask<LoadResult>("run", { ...order, seconds: SECONDS });
    const after = await cpuMs(straight.pid);
    await driver.expectPublished(warmUp.requests + result.requests);
    return {
      ...result,
      rate: result.requests / result.seconds,
      cpuPerRequest: (after - before) / result.requests,
      rss: await rssBytes(straight.pid),
      generatorCores: 0,
    };
  }

  const ceilingCase = (work: Work, connections: number) =>
    work.kind === "publish" ? straightCase(work.qos, connections) : proxyCase(connections);

  const cases = WORKS.flatMap((work) => CONNECTIONS.map((connections) => ({ work, connections })));
  const progress = new Progress(ROUNDS * cases.length * 4);
  const results = cases.map((): Results => ({ gateway: [], native: [], bare: [], ceiling: [] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, { work, connections }] of cases.entries()) {
      const parts: readonly (readonly [name: string, run: () => Promise<unknown>])[] = [
        ["gateway", async () => results[at]?.gateway.push(await gatewayCase(work, connections))],
        ["gateway with AEAD=native", async () => {
          results[at]?.native.push(await gatewayCase(work, connections, { AEAD: "native" }));
        }],
        ["bare sealing", async () => results[at]?.bare.push(await bareCase(work, connections))],
        ["ceiling", async () => results[at]?.ceiling.push(await ceilingCase(work, connections))],
      ];
      // Alternates the order, so that none is always measured on a warm machine.
      for (const [part, run] of round % 2 === 0 ? parts : parts.toReversed()) {
        progress.step(`round ${round + 1} of ${ROUNDS}, ${workName(work)}, ${connections} connections, ${part}`);
        await run();
      }
    }
  }
  return [
    table(cases, results),
    "",
    describeMethod([
      `${ROUNDS} rounds of ${SECONDS} s per case after ${WARM_UP.seconds} s of warm-up; medians over the rounds; ratios ` +
      "from the same round, with the lowest and highest in brackets",
      "A fresh process of the gateway, and of bare sealing, per case and round; in the gateway replay store, rate limits, " +
      "logs, audit and metrics are on; limits too wide to refuse; V8 and the allocator with the flags of deno task start",
      "Every request sealed with its own nonce before the measurement, every answer opened and checked after it " +
      "(HTTP 200, status 200, own number); every publish counted by the broker",
      "Ceiling of Jeedom calls: a pass-through proxy on Deno.serve and fetch, plaintext of the same size, same generator. " +
      "Ceiling of publishes: MQTT.js straight to the same Mosquitto, as many messages in flight",
      "Bare sealing: opens, calls or publishes, and seals; the same envelopes, forty lines",
      "Generator, gateway or ceiling, Jeedom and broker are separate processes that share the cores",
    ]),
  ].join("\n");
});

function table(
  cases: readonly { work: Work; connections: number }[],
  results: readonly Results[],
): string {
  const header = [
    "Case",
    "Connections",
    "Gateway req/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/req",
    "RSS MB",
    "AEAD=native req/s",
    "its p99",
    "its CPU ms/req",
    "Generator cores",
  ];
  const beside = [
    "Bare sealing req/s",
    "its CPU ms/req",
    "Ratio to it",
    "Ratio of AEAD=native to it",
    "Ceiling req/s",
    "Ratio to ceiling",
  ];
  return markdownTable(
    [...header, ...beside],
    cases.map(({ work, connections }, at) => {
      const { gateway = [], native = [], bare = [], ceiling = [] } = results[at] ?? {};
      const middle = (of: readonly Measured[], field: keyof Measured, count: number) =>
        digits(median(of.map((measured) => measured[field])), count);
      const ratio = (of: readonly Measured[], to: readonly Measured[]) => {
        const ratios = of.map(({ rate }, round) => rate / (to[round]?.rate ?? NaN));
        return `${digits(median(ratios), 2)} (${digits(Math.min(...ratios), 2)}–${digits(Math.max(...ratios), 2)})`;
      };
      return [
        workName(work),
        String(connections),
        middle(gateway, "rate", 0),
        middle(gateway, "p50", 2),
        middle(gateway, "p99", 2),
        middle(gateway, "cpuPerRequest", 3),
        digits(median(gateway.map(({ rss }) => rss / 2 ** 20)), 0),
        middle(native, "rate", 0),
        middle(native, "p99", 2),
        middle(native, "cpuPerRequest", 3),
        middle(gateway, "generatorCores", 2),
        middle(bare, "rate", 0),
        middle(bare, "cpuPerRequest", 3),
        ratio(gateway, bare),
        ratio(native, bare),
        middle(ceiling, "rate", 0),
        ratio(gateway, ceiling),
      ];
    }),
  );
}
