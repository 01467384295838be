/**
 * Checks whether a gateway grows: an hour of clients, temporary keys, broker restarts and malformed requests, with a
 * measurement every ten seconds.
 */
import { setTimeout as pause } from "node:timers/promises";
import { WIDE_LIMITS } from "../bench/bench_gateway.ts";
import { prepareInspection } from "../support/inspector.ts";
import { openDescriptors, rssBytes } from "../support/process_stats.ts";
import { describeMethod, digits } from "../support/report.ts";
import { reportProgress } from "../support/progress.ts";
import { runTool } from "../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../support/tool_args.ts";
import type { CommandLine } from "../../src/cli/args.ts";
import { startBroker } from "../../tests/support/broker.ts";
import { startGatewayProcess } from "../../tests/support/gateway_process.ts";
import type { FuzzRequest } from "../fuzz/fuzz_request.ts";
import { createCounts, runRequests } from "../fuzz/run_requests.ts";
import { makeFuzzRequest } from "../fuzz/make_request.ts";
import { makeTarget, makeTargetRecords, watchLog } from "../fuzz/target.ts";
import { startBackendObserver } from "../fuzz/backend_observer.ts";
import { startSoakClients } from "./clients.ts";
import { exceededBounds, SHORTEST_MINUTES, type SoakSample } from "./growth.ts";
import { drawCurves, sampleTable } from "./report.ts";
import { startSensor } from "./sensor.ts";
import { startKeyCycle } from "./temporary_keys.ts";

const LINE = {
  synopsis: "deno task soak [MINUTES]",
  summary: "Measure memory, descriptors and timers of a gateway under mixed traffic, and report growth",
  options: { svg: { type: "string", value: "FILE", description: "File for the curves" } },
  notes:
    `MINUTES is at least 1 (default: 60); growth is checked from ${SHORTEST_MINUTES} on. Exit code 1 if something grows or fails.`,
} as const satisfies CommandLine;

const [MINUTES, SVG_FILE] = readToolArgs(LINE, ({ values, positionals: [minutes, ...more] }) => {
  refuseMore(more);
  return [readNumber(minutes, { name: "MINUTES", standard: 60, min: 1 }), values.svg] as const;
});

const LISTENERS = 30;

/** Messages per second. */
const RATE = 5;
const SAMPLE_MS = 10_000;

/** Interval of broker restarts, in milliseconds. */
const BROKER_MS = 4 * 60_000;

/** Time between stop and start of the broker, in milliseconds. */
const BROKER_PAUSE_MS = 3000;

/** Fuzz requests per second, some of them valid. */
const FUZZ_REQUESTS = 5;

const MB = 2 ** 20;

await runTool(async (started) => {
  let broker = await startBroker();
  started.defer(() => broker.stop());
  const backend = await startBackendObserver(broker);
  started.defer(() => backend.stop());
  const { flag, inspect } = prepareInspection();
  const records = makeTargetRecords();
  const gateway = await startGatewayProcess({
    ...WIDE_LIMITS,
    ...backend.env,
    // Small, so that the history is full soon: otherwise its filling would be reported as a leak.
    RESUME_BYTES: String(MB),
  }, { flags: [flag], keys: records });
  started.defer(async () => void await gateway.stop());
  const inspector = await inspect();
  started.defer(() => inspector.close());

  const sensor = await startSensor(broker.port, RATE);
  started.defer(() => sensor.stop());
  const clients = startSoakClients(gateway, LISTENERS);
  started.defer(() => clients.stop());
  const keyCycle = startKeyCycle(gateway);
  started.defer(() => keyCycle.stop());

  const logFaults: string[] = [];
  const log = watchLog(gateway, logFaults);
  started.defer(() => log.close());
  const counts = createCounts();
  const target = await makeTarget(gateway, records);
  const { ports } = target;
  /** Valid requests may fail while the broker is stopped, which also loses its retained messages. */
  const makeRequest = async (index: number): Promise<FuzzRequest> => ({
    ...await makeFuzzRequest(index, { seed: 1, target, spread: true }),
    mustSucceed: false,
    events: 1,
  });
  const faults = () => [...clients.faults, ...counts.faults, ...keyCycle.faults, ...backend.faults, ...logFaults];

  const began = performance.now();
  const samples: SoakSample[] = [];
  let errorsBefore = 0;
  async function sample(): Promise<void> {
    await inspector.collectGarbage();
    const errors = clients.errors.values().reduce((sum, count) => sum + count, 0);
    const current: SoakSample = {
      minutes: (performance.now() - began) / 60_000,
      rss: await rssBytes(gateway.pid),
      heap: await inspector.heapBytes(),
      descriptors: await openDescriptors(gateway.pid),
      ...await inspector.handles(),
      streams: clients.counts.open,
      errors: errors - errorsBefore,
    };
    errorsBefore = errors;
    samples.push(current);
    const { minutes, rss, heap, descriptors, timers, resources, streams } = current;
    reportProgress(
      `${digits(minutes, 1)} of ${MINUTES} min: RSS ${digits(rss / MB, 1)} MB, heap ${digits(heap / MB, 1)} MB, ` +
        `${descriptors} descriptors, ${timers} timers, ${resources} resources, ${streams} streams, ${errors} errors, ` +
        `${keyCycle.count} temporary keys, ${faults().length} faults`,
    );
  }

  let restarts = 0;
  let nextIndex = 0;
  let restartAt = began + BROKER_MS / 2;
  for (let next = began + SAMPLE_MS; next <= began + MINUTES * 60_000; next += SAMPLE_MS) {
    while (performance.now() < next) {
      await runRequests(
        { ports, make: makeRequest, indexes: { from: nextIndex, to: nextIndex += FUZZ_REQUESTS }, connections: 2 },
        counts,
      );
      if (performance.now() > restartAt) {
        restartAt += BROKER_MS;
        restarts += 1;
        const { port } = broker;
        await broker.stop(restarts % 2 === 0 ? "SIGKILL" : "SIGTERM");
        await pause(BROKER_PAUSE_MS);
        broker = await startBroker(undefined, port);
      }
      await pause(1000);
    }
    await sample();
  }
  const loaded = [...samples];
  await keyCycle.stop();
  await clients.stop();
  await pause(SAMPLE_MS);
  await sample();
  if (SVG_FILE !== undefined) await Deno.writeTextFile(SVG_FILE, drawCurves(loaded));

  log.close();
  const { subscriptions, events, gaps, requests } = clients.counts;
  const grown = MINUTES < SHORTEST_MINUTES ? [] : exceededBounds(loaded).map(({ name }) => `${name} grows`);
  if (faults().length + grown.length > 0) Deno.exitCode = 1;
  const errors = [...clients.errors].map(([code, count]) => `${code} ${count}`).join(", ");
  return [
    sampleTable(loaded, samples.at(-1)),
    "",
    `Subscriptions ${subscriptions}, events ${events}, gaps ${gaps}, requests ${requests}, errors: ${
      errors || "none"
    }. ` +
    `Temporary keys ${keyCycle.count}, broker restarts ${restarts}, sensor messages ${sensor.sent}, fuzz requests ` +
    `${counts.requests}. Faults ${faults().length}.`,
    ...faults().slice(0, 20).map((fault) => `- ${fault}`),
    "",
    MINUTES < SHORTEST_MINUTES
      ? `Too short to check growth: that takes ${SHORTEST_MINUTES} minutes.`
      : grown.length === 0
      ? "No growth."
      : grown.join(". "),
    "",
    describeMethod([
      `${MINUTES} min; ${LISTENERS} listeners, half of each version, with subscriptions of 5 to 60 s; ${RATE} messages/s; ` +
      `${FUZZ_REQUESTS} fuzz requests/s; a key added, used, rotated and removed about every 15 s; the broker stopped for ` +
      `${BROKER_PAUSE_MS / 1000} s every ${BROKER_MS / 60_000} min`,
      `A measurement every ${
        SAMPLE_MS / 1000
      } s after a forced garbage collection; RESUME_BYTES=${MB}, otherwise defaults`,
    ]),
  ].join("\n");
});
