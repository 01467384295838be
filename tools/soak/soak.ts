/**
 * Whether a gateway grows: an hour of phones that come and go, keys that come and go, a broker that is started again,
 * and bad requests among them, with a look at the gateway every ten seconds.
 */
import { setTimeout as pause } from "node:timers/promises";
import { WIDE_LIMITS } from "../bench/bench_gateway.ts";
import { prepareInspection } from "../support/inspector.ts";
import { openDescriptors, rssBytes } from "../support/process_stats.ts";
import { describeMethod, digits } from "../support/report.ts";
import { reportProgress } from "../support/progress.ts";
import { runBench } from "../support/run_tool.ts";
import { readNumber, readToolArgs, refuseMore } from "../support/tool_args.ts";
import type { CommandLine } from "../../src/cli/args.ts";
import { startBroker } from "../../tests/support/broker.ts";
import { startGatewayProcess } from "../../tests/support/gateway_process.ts";
import type { Attempt } from "../fuzz/fuzz_request.ts";
import { createTally, runCampaign } from "../fuzz/run_requests.ts";
import { makeAttempt } from "../fuzz/make_request.ts";
import { makeTargetRecords, targetOf, watchLog } from "../fuzz/target.ts";
import { startWitness } from "../fuzz/backend_observer.ts";
import { inviteGuests } from "./temporary_keys.ts";
import { startHousehold } from "./clients.ts";
import { startSensor } from "./sensor.ts";
import { drawCurves, sampleTable } from "./report.ts";
import { growing, SHORTEST_MINUTES, type SoakSample } from "./growth.ts";

const LINE = {
  synopsis: "deno task soak [MINUTES]",
  summary: "Watch memory, descriptors and timers of a gateway under mixed traffic, and say what grows",
  options: { svg: { type: "string", value: "FILE", description: "Draw the curves into this file" } },
  notes:
    `MINUTES is at least 1 (default: 60); a verdict on growth takes ${SHORTEST_MINUTES}. Exit code 1 if something grows or fails.`,
} as const satisfies CommandLine;

const [MINUTES, SVG_FILE] = readToolArgs(LINE, ({ values, positionals: [minutes, ...more] }) => {
  refuseMore(more);
  return [readNumber(minutes, { name: "MINUTES", standard: 60, min: 1 }), values.svg] as const;
});

const LISTENERS = 30;

/** Messages in a second. */
const PACE = 5;
const SAMPLE_MS = 10_000;

/** How often the broker is stopped and started again. */
const BROKER_MS = 4 * 60_000;

/** How long it is away. */
const BROKER_PAUSE_MS = 3000;

/** Bad requests in a second, among them some that are right. */
const BAD_REQUESTS = 5;

const MB = 2 ** 20;

await runBench(async (started) => {
  let broker = await startBroker();
  started.defer(() => broker.stop());
  const witness = await startWitness(broker);
  started.defer(() => witness.stop());
  const { flag, inspect } = prepareInspection();
  const records = makeTargetRecords();
  const gateway = await startGatewayProcess({
    ...WIDE_LIMITS,
    ...witness.env,
    // So small that it is full soon: what fills up for half an hour looks like a leak.
    RESUME_BYTES: String(MB),
  }, { flags: [flag], keys: records });
  started.defer(async () => void await gateway.stop());
  const inspector = await inspect();
  started.defer(() => inspector.close());

  const sensor = await startSensor(broker.port, PACE);
  started.defer(() => sensor.stop());
  const house = startHousehold(gateway, LISTENERS);
  started.defer(() => house.stop());
  const guests = inviteGuests(gateway);
  started.defer(() => guests.stop());

  const logFaults: string[] = [];
  const log = watchLog(gateway, logFaults);
  started.defer(() => log.close());
  const tally = createTally();
  const target = await targetOf(gateway, records);
  const { ports } = target;
  /** What must work may fail while the broker is away, which forgets what it retained. */
  const bad = async (place: number): Promise<Attempt> => ({
    ...await makeAttempt(place, { seed: 1, target, spread: true }),
    mustSucceed: false,
    events: 1,
  });
  const faults = () => [...house.faults, ...tally.faults, ...guests.faults, ...witness.faults, ...logFaults];

  const began = performance.now();
  const samples: SoakSample[] = [];
  let errorsBefore = 0;
  async function sample(): Promise<void> {
    await inspector.collectGarbage();
    const errors = house.errors.values().reduce((sum, count) => sum + count, 0);
    const now: SoakSample = {
      minutes: (performance.now() - began) / 60_000,
      rss: await rssBytes(gateway.pid),
      heap: await inspector.heapBytes(),
      descriptors: await openDescriptors(gateway.pid),
      ...await inspector.handles(),
      streams: house.counts.open,
      errors: errors - errorsBefore,
    };
    errorsBefore = errors;
    samples.push(now);
    reportProgress(
      `${digits(now.minutes, 1)} of ${MINUTES} min: RSS ${digits(now.rss / MB, 1)} MB, heap ${
        digits(now.heap / MB, 1)
      } MB, ` +
        `${now.descriptors} descriptors, ${now.timers} timers, ${now.resources} resources, ${now.streams} streams, ` +
        `${errors} errors, ${guests.count} guests, ${faults().length} faults`,
    );
  }

  let restarts = 0;
  let place = 0;
  let broken = began + BROKER_MS / 2;
  for (let next = began + SAMPLE_MS; next <= began + MINUTES * 60_000; next += SAMPLE_MS) {
    while (performance.now() < next) {
      await runCampaign(
        { ports, make: bad, places: { from: place, to: place += BAD_REQUESTS }, connections: 2 },
        tally,
      );
      if (performance.now() > broken) {
        broken += BROKER_MS;
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
  const busy = [...samples];
  await guests.stop();
  await house.stop();
  await pause(SAMPLE_MS);
  await sample();
  if (SVG_FILE !== undefined) await Deno.writeTextFile(SVG_FILE, drawCurves(busy));

  log.close();
  const { stays, events, gaps, requests } = house.counts;
  const grown = MINUTES < SHORTEST_MINUTES ? [] : growing(busy).map(({ name }) => `${name} grows`);
  if (faults().length + grown.length > 0) Deno.exitCode = 1;
  const errors = [...house.errors].map(([code, count]) => `${code} ${count}`).join(", ");
  return [
    sampleTable(busy, samples.at(-1)),
    "",
    `Stays ${stays}, events ${events}, gaps ${gaps}, requests ${requests}, errors: ` +
    `${
      errors || "none"
    }. Guests ${guests.count}, broker restarts ${restarts}, messages of the sensor ${sensor.sent}, bad ` +
    `requests ${tally.attempts}. Faults ${faults().length}.`,
    ...faults().slice(0, 20).map((fault) => `- ${fault}`),
    "",
    MINUTES < SHORTEST_MINUTES
      ? `Too short for a verdict on growth: that takes ${SHORTEST_MINUTES} minutes.`
      : grown.length === 0
      ? "Flat."
      : grown.join(". "),
    "",
    describeMethod([
      `${MINUTES} min; ${LISTENERS} listeners, half in each version, that stay for 5 to 60 s each and come back; ${PACE} messages/s; ` +
      `${BAD_REQUESTS} malformed requests/s; a key added, used, rotated and removed every 15 s or so; the broker stopped for ` +
      `${BROKER_PAUSE_MS / 1000} s every ${BROKER_MS / 60_000} min`,
      `A look every ${
        SAMPLE_MS / 1000
      } s, after forced garbage collection; RESUME_BYTES=${MB}, all other sizes by default`,
    ]),
  ].join("\n");
});
