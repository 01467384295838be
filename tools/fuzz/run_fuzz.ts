/** A fuzzing run: a gateway, what counts at its back, all attempts, and what is left afterwards. */
import { prepareInspection } from "../support/inspector.ts";
import { openDescriptors, rssBytes } from "../support/process_stats.ts";
import { until } from "../../tests/support/deadline.ts";
import { startBroker } from "../../tests/support/broker.ts";
import { startGatewayProcess, UNLIMITED } from "../../tests/support/gateway_process.ts";
import { createTally, runCampaign, type Tally } from "./run_requests.ts";
import { makeAttempt, RETAINED_TOPIC } from "./make_request.ts";
import { makeTargetRecords, targetOf, watchLog } from "./target.ts";
import { startWitness, type Witness } from "./backend_observer.ts";

/** What a run takes. */
export interface FuzzOptions {
  /** What to begin from: the same seed makes the same attempts. */
  readonly seed: number;
  /** How many attempts. */
  readonly requests: number;
  /** Whether the gateway counts paces and numbers, as it does by default. */
  readonly limited?: boolean;
  /** Stops all that was started should the whole program be stopped. */
  readonly scope?: AsyncDisposableStack;
  /** How often to look at the gateway, and to tell of it. */
  readonly looks?: number;
  /** Is told of each look. */
  readonly onProgress?: (sample: FuzzSample) => void;
  /** Takes the number of attempts, every few seconds. */
  readonly onAttempts?: (attempts: number) => void;
}

/** One look at the gateway. */
export interface FuzzSample {
  /** Attempts so far. */
  readonly attempts: number;
  /** Attempts in a second since the look before. */
  readonly pace: number;
  /** Resident memory of the gateway after a collection, in bytes: without one it tells how lazy the collector is. */
  readonly rss: number;
  /** Memory of its JavaScript objects, in bytes. */
  readonly heap: number;
}

/** What came of a run. */
export interface FuzzResult {
  /** The attempts. */
  readonly tally: Tally;
  /** Looks at the gateway, the last one after all attempts. */
  readonly samples: readonly FuzzSample[];
  /** Open files and sockets before and after. */
  readonly descriptors: { readonly before: number; readonly after: number };
  /** All that is wrong; empty if the gateway passed. */
  readonly faults: readonly string[];
}

const CONNECTIONS = 24;

/** Descriptors that may be more at the end: the connections to the broker and to Jeedom are kept for a while. */
const SPARE_DESCRIPTORS = 5;

/** Interval of reports of the number of attempts, in milliseconds. */
const TELL_MS = 10_000;

/** So short that what is remembered has its full size long before the end. */
const ENV = { MAX_AGE_SECONDS: "10", LOG_LEVEL: "info", HEALTH_CHECK_SECONDS: "3600", MQTT_IDLE_SECONDS: "2" };

/** Starts all that is needed, runs, and stops it. */
export async function runFuzz(
  { seed, requests, limited = false, scope, looks = 10, onProgress, onAttempts }: FuzzOptions,
): Promise<FuzzResult> {
  await using started = new AsyncDisposableStack();
  scope?.use(started);
  // What is queued for the witness must not be dropped.
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 0", "max_packet_size 2000000"]);
  started.defer(() => broker.stop());
  const witness = await startWitness(broker);
  started.defer(() => witness.stop());
  const { flag, inspect } = prepareInspection();
  const env = { ...witness.env, ...ENV, ...limited ? {} : UNLIMITED };
  const records = makeTargetRecords();
  const gateway = await startGatewayProcess(env, { flags: [flag], keys: records });
  started.defer(async () => void await gateway.stop());
  const inspector = await inspect();
  started.defer(() => inspector.close());
  const tally = createTally();
  const faults: string[] = [];
  const log = watchLog(gateway, faults);
  started.defer(() => log.close());
  const target = await targetOf(gateway, records);
  const { ports } = target;
  const make = (place: number) => makeAttempt(place, { seed, target, spread: limited });
  await gateway.client.publish("fuzz/0", "first");
  await gateway.client.publish(RETAINED_TOPIC, "retained", { retain: true, qos: 1 });
  const before = await openDescriptors(gateway.pid);
  const own = { publish: 2, call: 0 };

  if (onAttempts !== undefined) {
    const telling = setInterval(() => onAttempts(tally.attempts), TELL_MS);
    started.defer(() => clearInterval(telling));
  }
  const samples: FuzzSample[] = [];
  for (let look = 0; look < looks; look++) {
    const places = { from: Math.floor(requests * look / looks), to: Math.floor(requests * (look + 1) / looks) };
    const began = performance.now();
    await runCampaign({ ports, places, connections: CONNECTIONS, make }, tally);
    const pace = (places.to - places.from) / (performance.now() - began) * 1000;
    await inspector.collectGarbage();
    const sample = {
      attempts: tally.attempts,
      pace,
      rss: await rssBytes(gateway.pid),
      heap: await inspector.heapBytes(),
    };
    samples.push(sample);
    onProgress?.(sample);
  }
  if (!limited && (await gateway.client.publish("fuzz/0", "last")).status === 200) own.publish += 1;
  await until("descriptors back", async () => await openDescriptors(gateway.pid) <= before + SPARE_DESCRIPTORS)
    .catch((error) => faults.push(String(error)));
  const after = await openDescriptors(gateway.pid);
  faults.push(...await compare(witness, { tally, own }));
  if ((await gateway.client.health()).status !== "ok") faults.push("Gateway is not well");
  return {
    tally,
    samples,
    descriptors: { before, after },
    faults: [...tally.faults, ...witness.faults.slice(0, 20), ...faults],
  };
}

/** What ran must be what answers said, no more and no less. */
async function compare(
  witness: Witness,
  { tally, own }: { readonly tally: Tally; readonly own: Readonly<Tally["ran"]> },
): Promise<string[]> {
  const isEqual = () =>
    (["publish", "call"] as const).every((kind) => witness.count[kind] === tally.ran[kind] + own[kind]);
  try {
    await until("counts", isEqual, 10_000);
    return [];
  } catch {
    return (["publish", "call"] as const).map((kind) =>
      `${kind}: ${witness.count[kind]} arrived, ${tally.ran[kind] + own[kind]} were answered`
    );
  }
}
