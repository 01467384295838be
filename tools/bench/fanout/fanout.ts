/**
 * Measures messages to many listeners through the real gateway beside as many plain MQTT subscribers in the same run:
 * completeness, order, latency, and the memory of a stream.
 */
import { type CommandLine, UsageError } from "../../../src/cli/args.ts";
import { startBroker } from "../../../tests/support/broker.ts";
import type { Version } from "../../../src/protocol/exchange.ts";
import { startBenchGateway } from "../bench_gateway.ts";
import type { DeliveryCounts } from "./deliveries.ts";
import type { ListenerCounts } from "./listeners.ts";
import { type GatewayMemory, measureFloor, measureGatewayMemory } from "./measure_memory.ts";
import type { PublishOptions } from "./publisher.ts";
import { DELIVERY_HEADER, deliveryRow, MEMORY_HEADER, memoryRow } from "./tables.ts";
import { startHelper } from "../../support/helper_process.ts";
import { cpuMs } from "../../support/process_stats.ts";
import { Progress, reportProgress } from "../../support/progress.ts";
import { describeMethod, markdownTable } from "../../support/report.ts";
import { inScope, runTool } from "../../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";

const LINE = {
  synopsis: "deno task bench:fanout [SECONDS] [ROUNDS] [COUNTS]",
  summary: "Measure streams of many listeners beside plain MQTT subscribers",
  options: {},
  notes: `Arguments:
  SECONDS  of publishing at a fixed rate (default: 10)
  ROUNDS   of each mode of publishing (default: 3)
  COUNTS   numbers of listeners, separated by commas (default: 1,50,200,1000)`,
} as const satisfies CommandLine;

const [SECONDS, ROUNDS, COUNTS] = readToolArgs(LINE, ({ positionals: [seconds, rounds, counts, ...more] }) => {
  refuseMore(more);
  return [
    readNumber(seconds, { name: "SECONDS", standard: 10, min: 1 }),
    readNumber(rounds, { name: "ROUNDS", standard: 3, min: 1, isWhole: true }),
    readCounts(counts ?? "1,50,200,1000"),
  ] as const;
});

function readCounts(text: string): number[] {
  if (/^[1-9]\d*(,[1-9]\d*)*$/.test(text)) return text.split(",").map(Number);
  throw new UsageError(`COUNTS must be whole numbers separated by commas, such as 1,50, not "${text}"`);
}

/** Messages per second of publishing at a fixed rate. */
const RATE = 20;

/** Deliveries of a burst to all listeners together: some seconds of work. */
const BURST_DELIVERIES = 300_000;

/** Mode of publishing. */
interface Mode {
  readonly name: string;
  readonly qos: 0 | 1;
  /** Messages per second; 0 for as fast as possible. */
  readonly rate: number;
  /** Version of the protocol; in version 2 with batches. */
  readonly version: Version;
}

const MODES: readonly Mode[] = [
  { name: `${RATE}/s, QoS 0`, qos: 0, rate: RATE, version: 1 },
  { name: `${RATE}/s, QoS 0, version 2 with batches`, qos: 0, rate: RATE, version: 2 },
  { name: "burst, QoS 0", qos: 0, rate: 0, version: 1 },
  { name: "burst, QoS 1", qos: 1, rate: 0, version: 1 },
  { name: "burst, QoS 1, version 2 with batches", qos: 1, rate: 0, version: 2 },
];

/** Result of the same publishing through the gateway and without it. */
export interface Round {
  readonly gateway: ListenerCounts & { readonly gatewayCpuMs: number; readonly listenersCpuMs: number };
  readonly plain: DeliveryCounts;
}

await runTool(async (started) => {
  const helper = (name: string) => {
    const process = startHelper(new URL(`${name}.ts`, import.meta.url));
    started.defer(() => process.stop());
    return process;
  };
  const [publisher, listeners, subscribers] = [helper("publisher"), helper("listeners"), helper("mqtt_subscribers")];
  // With its default, Mosquitto itself drops the messages of a slow subscriber.
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 10000000"]);
  started.defer(() => broker.stop());
  const env = { MQTT_BROKER_HOST: broker.host, MQTT_BROKER_PORT: String(broker.port) };
  let runs = 0;

  /** Publishes to receivers, and returns what they received. */
  async function publishTo<Result>(
    receivers: typeof listeners,
    options: Omit<PublishOptions, "port" | "run">,
  ): Promise<Result> {
    const run = ++runs;
    await receivers.ask("begin");
    await publisher.ask("publish", { ...options, run, port: broker.port });
    return await receivers.ask<Result>("collect", { run, events: options.events });
  }

  const eventsOf = ({ rate }: Mode, count: number) =>
    rate > 0 ? rate * SECONDS : Math.min(20_000, Math.ceil(BURST_DELIVERIES / count));

  const throughGateway = (mode: Mode, count: number) =>
    inScope(started, async (scope) => {
      const gateway = await startBenchGateway(scope, { env });
      const order = { port: Number(new URL(gateway.url).port), key: gateway.key, count, version: mode.version };
      await listeners.ask("open", order);
      scope.defer(() => listeners.ask("close"));
      await publishTo(listeners, { qos: mode.qos, rate: RATE, events: 2 * RATE });
      const before = [await cpuMs(gateway.pid), await cpuMs(listeners.pid)] as const;
      const counts = await publishTo<ListenerCounts>(listeners, { ...mode, events: eventsOf(mode, count) });
      const [gatewayCpuMs, listenersCpuMs] = [
        await cpuMs(gateway.pid) - before[0],
        await cpuMs(listeners.pid) - before[1],
      ];
      return { ...counts, gatewayCpuMs, listenersCpuMs };
    });

  const withoutGateway = (mode: Mode, count: number) =>
    inScope(started, async (scope) => {
      await subscribers.ask("open", { port: broker.port, count });
      scope.defer(() => subscribers.ask("close"));
      await publishTo(subscribers, { qos: mode.qos, rate: RATE, events: 2 * RATE });
      return await publishTo<DeliveryCounts>(subscribers, { ...mode, events: eventsOf(mode, count) });
    });

  const deliveryRows: string[][] = [];
  const memoryRows: string[][] = [];
  const progress = new Progress(COUNTS.length * (MODES.length * ROUNDS + 1));
  for (const count of COUNTS) {
    for (const mode of MODES) {
      const rounds: Round[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        progress.step(`${count} listeners, ${mode.name}, round ${round + 1} of ${ROUNDS}`);
        const plainFirst = round % 2 === 1 ? await withoutGateway(mode, count) : undefined;
        const gateway = await throughGateway(mode, count);
        rounds.push({ gateway, plain: plainFirst ?? await withoutGateway(mode, count) });
        if (gateway.delivered !== gateway.expected || gateway.duplicates + gateway.outOfOrder > 0) Deno.exitCode = 1;
        for (const [end, times] of Object.entries(gateway.ends)) reportProgress(`${times} streams ended: ${end}`);
      }
      deliveryRows.push(deliveryRow({ count, mode: mode.name, rounds }));
    }
    progress.step(`${count} listeners, memory`);
    const load = () => publishTo(listeners, { qos: 0, rate: RATE, events: 3 * RATE }).then(() => {});
    const memory: GatewayMemory = await inScope(
      started,
      (scope) => measureGatewayMemory(scope, { env, listeners, count, load }),
    );
    const floor = await inScope(started, (scope) => measureFloor(scope, count));
    memoryRows.push(memoryRow({ count, memory, floor }));
  }
  return [
    markdownTable(DELIVERY_HEADER, deliveryRows),
    "",
    markdownTable(MEMORY_HEADER, memoryRows),
    "",
    describeMethod([
      `${ROUNDS} rounds with ${SECONDS} s of publishing at a fixed rate or a burst; medians over the rounds, ratios from the same ` +
      "round; deliveries are summed over the rounds",
      "A fresh gateway per row and round, all streams on one key; the plain subscribers are MQTT.js at the same Mosquitto, " +
      "with the same publishing, alternately",
      "Every event was opened, and every stream checked for missing, duplicate and out-of-order events; a stream that was " +
      "ended as too slow is resumed as clients do",
      "Latency is from publishing to receipt, in separate processes on one machine",
      "Memory is RSS after forced garbage collection, less that of the same gateway after its first ten streams; the floor " +
      "is a Deno.serve that answers with streams without events",
    ]),
  ].join("\n");
});
