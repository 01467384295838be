/** A fuzzing run: a gateway, what counts at its back, all attempts, and what is left afterwards. */
import { prepareInspection } from "../../bench/inspector.ts";
import { openDescriptors, rssBytes } from "../../bench/process_stats.ts";
import { parseKey } from "../../src/protocol/secret_key.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { until } from "../../tests/deadline.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../../tests/system/gateway_process.ts";
import { createTally, runCampaign, type Tally } from "./campaign.ts";
import { makeAttempt } from "./make_attempt.ts";
import { startWitness, type Witness } from "./witness.ts";

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
  /** Is told ten times how far it is. */
  readonly onProgress?: (sample: FuzzSample) => void;
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
  /** Looks at the gateway, the first after a tenth of the attempts. */
  readonly samples: readonly FuzzSample[];
  /** Open files and sockets before and after. */
  readonly descriptors: { readonly before: number; readonly after: number };
  /** All that is wrong; empty if the gateway passed. */
  readonly faults: readonly string[];
}

const PARTS = 10;
const CONNECTIONS = 24;

/** Descriptors that may be more at the end: the connections to the broker and to Jeedom are kept for a while. */
const SPARE_DESCRIPTORS = 5;

const BAD_LINE = /Uncaught|nhandled|broke the gateway|Listening broke off|RangeError|TypeError/;

/** So short that what is remembered has its full size long before the end. */
const ENV = { MAX_AGE_SECONDS: "10", LOG_LEVEL: "info", HEALTH_CHECK_SECONDS: "3600", MQTT_IDLE_SECONDS: "2" };

/** Starts all that is needed, runs, and stops it. */
export async function runFuzz(
  { seed, requests, limited = false, scope, onProgress }: FuzzOptions,
): Promise<FuzzResult> {
  await using started = new AsyncDisposableStack();
  scope?.use(started);
  const witness = await startWitness();
  started.defer(() => witness.stop());
  const { flag, inspect } = prepareInspection();
  const env = { ...witness.env, ...ENV, ...limited ? {} : UNLIMITED };
  const gateway = await startGatewayProcess(env, { flags: [flag] });
  started.defer(async () => {
    await gateway.stop();
  });
  const inspector = await inspect();
  started.defer(() => inspector.close());
  const tally = createTally();
  const faults: string[] = [];
  const log = watchLog(gateway, faults);
  started.defer(() => log.close());
  const ports = {
    public: Number(new URL(gateway.url).port),
    metrics: gateway.metricsUrl === undefined ? undefined : Number(new URL(gateway.metricsUrl).port),
  };
  const options = {
    seed,
    keys: await makeKeys(gateway.key),
    hasMetrics: ports.metrics !== undefined,
    spread: limited,
    now: () => Date.now(),
  };
  await gateway.client.publish("fuzz/0", "first");
  const before = await openDescriptors(gateway.pid);
  const base = { publish: 1, call: 0 };

  const samples: FuzzSample[] = [];
  for (let part = 0; part < PARTS; part++) {
    const places = { from: Math.floor(requests * part / PARTS), to: Math.floor(requests * (part + 1) / PARTS) };
    const began = performance.now();
    await runCampaign({ ports, places, connections: CONNECTIONS, make: (place) => makeAttempt(place, options) }, tally);
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
  if (!limited && (await gateway.client.publish("fuzz/0", "last")).status === 200) base.publish += 1;
  await until("descriptors back", async () => await openDescriptors(gateway.pid) <= before + SPARE_DESCRIPTORS)
    .catch((error) => faults.push(String(error)));
  const after = await openDescriptors(gateway.pid);
  faults.push(...await compare(witness, { tally, base }));
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
  { tally, base }: { readonly tally: Tally; readonly base: { readonly publish: number; readonly call: number } },
): Promise<string[]> {
  const isEqual = () =>
    (["publish", "call"] as const).every((kind) => witness.count[kind] === tally.ran[kind] + base[kind]);
  try {
    await until("counts", isEqual, 10_000);
    return [];
  } catch {
    return (["publish", "call"] as const).map((kind) =>
      `${kind}: ${witness.count[kind]} arrived, ${tally.ran[kind] + base[kind]} were answered`
    );
  }
}

/** Looks at the log while it grows, and forgets what was looked at: it is long. */
function watchLog(gateway: GatewayProcess, faults: string[]): { close(): void } {
  function look(): void {
    for (const line of gateway.output.lines.splice(0)) {
      if (BAD_LINE.test(line) && faults.length < 20) faults.push(`Log: ${line.slice(0, 500)}`);
    }
  }
  const timer = setInterval(look, 500);
  return {
    close() {
      clearInterval(timer);
      look();
    },
  };
}

async function makeKeys(hex: string) {
  const right = parseKey(hex);
  if (right === undefined) throw new Error("Gateway has no key");
  return {
    right: await importSecretKey(right),
    wrong: await importSecretKey(crypto.getRandomValues(new Uint8Array(32))),
  };
}
