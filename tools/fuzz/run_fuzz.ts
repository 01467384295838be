/** One fuzzing run: gateway, backends, all requests, and the checks after them. */
import { startBroker } from "../../tests/support/broker.ts";
import { until } from "../../tests/support/deadline.ts";
import { startGatewayProcess, UNLIMITED } from "../../tests/support/gateway_process.ts";
import { prepareInspection } from "../support/inspector.ts";
import { openDescriptors, rssBytes } from "../support/process_stats.ts";
import { type BackendObserver, startBackendObserver } from "./backend_observer.ts";
import { makeFuzzRequest, RETAINED_TOPIC } from "./make_request.ts";
import { createCounts, type FuzzCounts, runRequests } from "./run_requests.ts";
import { makeTarget, makeTargetRecords, watchLog } from "./target.ts";

/** Options of a run. */
export interface FuzzOptions {
  /** Seed: the same seed makes the same requests. */
  readonly seed: number;
  /** Number of requests. */
  readonly requests: number;
  /** True if the gateway enforces its default limits. */
  readonly limited?: boolean;
  /** Stops everything if the whole program is stopped. */
  readonly scope?: AsyncDisposableStack;
  /** Number of measurements of the gateway during the run. */
  readonly sampleCount?: number;
  /** Called with each measurement. */
  readonly onSample?: (sample: FuzzSample) => void;
  /** Called every few seconds with the number of requests so far. */
  readonly onRequests?: (requests: number) => void;
}

/** Measurement of the gateway. */
export interface FuzzSample {
  /** Requests so far. */
  readonly requests: number;
  /** Requests per second since the previous sample. */
  readonly rate: number;
  /** Resident memory after a garbage collection, in bytes. */
  readonly rss: number;
  /** Memory of JavaScript objects, in bytes. */
  readonly heap: number;
}

/** Result of a run. */
export interface FuzzResult {
  /** Counts of all requests. */
  readonly counts: FuzzCounts;
  /** Measurements, the last one after all requests. */
  readonly samples: readonly FuzzSample[];
  /** Open files and sockets before and after. */
  readonly descriptors: { readonly before: number; readonly after: number };
  /** Everything that is wrong; empty if the gateway passed. */
  readonly faults: readonly string[];
}

const CONNECTIONS = 24;

/** Additional descriptors allowed at the end: connections to the broker and to Jeedom stay open for a while. */
const SPARE_DESCRIPTORS = 5;

/** Interval of `onRequests`, in milliseconds. */
const REPORT_MS = 10_000;

/** Short times, so that the replay store reaches its full size long before the end. */
const ENV = { MAX_AGE_SECONDS: "10", LOG_LEVEL: "info", HEALTH_CHECK_SECONDS: "3600", MQTT_IDLE_SECONDS: "2" };

/** Starts everything, sends all requests, checks the effects, and stops everything. */
export async function runFuzz(
  { seed, requests, limited = false, scope, sampleCount = 10, onSample, onRequests }: FuzzOptions,
): Promise<FuzzResult> {
  await using started = new AsyncDisposableStack();
  scope?.use(started);
  // Messages that are queued for the observer must not be dropped.
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 0", "max_packet_size 2000000"]);
  started.defer(() => broker.stop());
  const backend = await startBackendObserver(broker);
  started.defer(() => backend.stop());
  const { flag, inspect } = prepareInspection();
  const env = { ...backend.env, ...ENV, ...limited ? {} : UNLIMITED };
  const records = makeTargetRecords();
  const gateway = await startGatewayProcess(env, { flags: [flag], keys: records });
  started.defer(async () => void await gateway.stop());
  const inspector = await inspect();
  started.defer(() => inspector.close());
  const counts = createCounts();
  const faults: string[] = [];
  const log = watchLog(gateway, faults);
  started.defer(() => log.close());
  const target = await makeTarget(gateway, records);
  const { ports } = target;
  const make = (index: number) => makeFuzzRequest(index, { seed, target, spread: limited });
  await gateway.client.publish("fuzz/0", "first");
  await gateway.client.publish(RETAINED_TOPIC, "retained", { retain: true, qos: 1 });
  const before = await openDescriptors(gateway.pid);
  const own = { publish: 2, call: 0 };

  if (onRequests !== undefined) {
    const reporting = setInterval(() => onRequests(counts.requests), REPORT_MS);
    started.defer(() => clearInterval(reporting));
  }
  const samples: FuzzSample[] = [];
  for (let part = 0; part < sampleCount; part++) {
    const indexes = {
      from: Math.floor(requests * part / sampleCount),
      to: Math.floor(requests * (part + 1) / sampleCount),
    };
    const began = performance.now();
    await runRequests({ ports, indexes, connections: CONNECTIONS, make }, counts);
    const rate = (indexes.to - indexes.from) / (performance.now() - began) * 1000;
    await inspector.collectGarbage();
    const sample = {
      requests: counts.requests,
      rate,
      rss: await rssBytes(gateway.pid),
      heap: await inspector.heapBytes(),
    };
    samples.push(sample);
    onSample?.(sample);
  }
  if (!limited && (await gateway.client.publish("fuzz/0", "last")).status === 200) own.publish += 1;
  await until("descriptors are closed", async () => await openDescriptors(gateway.pid) <= before + SPARE_DESCRIPTORS)
    .catch((error) => faults.push(String(error)));
  const after = await openDescriptors(gateway.pid);
  faults.push(...await compareEffects(backend, { counts, own }));
  if ((await gateway.client.health()).status !== "ok") faults.push("Gateway is not healthy");
  return {
    counts,
    samples,
    descriptors: { before, after },
    faults: [...counts.faults, ...backend.faults.slice(0, 20), ...faults],
  };
}

/** Checks that exactly as many requests reached the backends as the answers reported. */
async function compareEffects(
  backend: BackendObserver,
  { counts, own }: { readonly counts: FuzzCounts; readonly own: Readonly<FuzzCounts["executed"]> },
): Promise<string[]> {
  const isEqual = () =>
    (["publish", "call"] as const).every((kind) => backend.count[kind] === counts.executed[kind] + own[kind]);
  try {
    await until("equal counts", isEqual, 10_000);
    return [];
  } catch {
    return (["publish", "call"] as const).map((kind) =>
      `${kind}: ${backend.count[kind]} executed, ${counts.executed[kind] + own[kind]} answered`
    );
  }
}
