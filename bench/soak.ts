/**
 * Whether a gateway grows: listeners that come and go, messages, publishes and calls for minutes, and a look at its
 * memory and descriptors every ten seconds. Argument: minutes.
 */
import { startBroker } from "../tests/system/broker.ts";
import { startBenchGateway } from "./bench_gateway.ts";
import { startHelper } from "./helper_process.ts";
import { prepareInspection } from "./inspector.ts";
import { openDescriptors, rssBytes } from "./process_stats.ts";
import { describeMethod, digits, markdownTable } from "./report.ts";
import { runBench, tellProgress } from "./run_bench.ts";
import type { SoakCounts } from "./soak/household.ts";

const MINUTES = Number(Deno.args[0] ?? 10);
if (!(MINUTES > 0)) throw new Error("Give minutes");

/** Shared by the processes below, so that none of them is slower than what it listens to. */
const LISTENERS = 100;
const HOUSES = 2;

/** Events per second. */
const PACE = 20;
const SAMPLE_MS = 10_000;

/** One look at the gateway, after a collection. */
interface Sample {
  /** Minutes since the start. */
  readonly minutes: number;
  readonly rss: number;
  readonly heap: number;
  readonly descriptors: number;
}

await runBench(async (started) => {
  const jeedom = startHelper(new URL("load/jeedom.ts", import.meta.url));
  started.defer(() => jeedom.stop());
  const houses = Array.from({ length: HOUSES }, () => {
    const house = startHelper(new URL("soak/household.ts", import.meta.url));
    started.defer(() => house.stop());
    return house;
  });
  const publisher = startHelper(new URL("fanout/publisher.ts", import.meta.url));
  started.defer(() => publisher.stop());
  const broker = await startBroker();
  started.defer(() => broker.stop());
  const { flag, inspect } = prepareInspection();
  const gateway = await startBenchGateway(started, {
    env: {
      JEEDOM_URL: await jeedom.ask<string>("url"),
      JEEDOM_APIKEY: "bench",
      MQTT_BROKER_HOST: broker.host,
      MQTT_BROKER_PORT: String(broker.port),
    },
    flags: [flag],
  });
  const inspector = await inspect();
  started.defer(() => inspector.close());

  const began = performance.now();
  const samples: Sample[] = [];
  async function sample(): Promise<void> {
    await inspector.collectGarbage();
    samples.push({
      minutes: (performance.now() - began) / 60_000,
      rss: await rssBytes(gateway.pid),
      heap: await inspector.heapBytes(),
      descriptors: await openDescriptors(gateway.pid),
    });
    const { minutes, rss, heap, descriptors } = samples.at(-1) ?? fail();
    tellProgress(
      `${digits(minutes, 1)} min: RSS ${digits(rss / 2 ** 20, 1)} MB, heap ${digits(heap / 2 ** 20, 1)} MB, ` +
        `${descriptors} descriptors`,
    );
  }

  const events = Math.ceil((MINUTES + 2) * 60 * PACE);
  // It is stopped before it is done. Were it to fail earlier, the listeners would miss its events and tell.
  publisher.ask("publish", { port: broker.port, run: 0, events, qos: 0, pace: PACE }).catch(() => {});
  const order = { url: gateway.url, key: gateway.key, listeners: LISTENERS / HOUSES };
  await Promise.all(houses.map((house) => house.ask("start", order)));
  for (let next = began + SAMPLE_MS; next <= began + MINUTES * 60_000; next += SAMPLE_MS) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    await sample();
  }
  const counts = await Promise.all(houses.map((house) => house.ask<SoakCounts>("stop")));
  const sum = (of: (counts: SoakCounts) => number) => counts.reduce((total, house) => total + of(house), 0);
  const faults = counts.flatMap((house) => house.faults);
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  await sample();
  if (faults.length > 0) Deno.exitCode = 1;
  return [
    table(samples),
    "",
    `Stays ${sum(({ stays }) => stays)}, events ${sum(({ events }) => events)}, publishes ` +
    `${sum(({ publishes }) => publishes)}, calls ${sum(({ calls }) => calls)}, faults ${faults.length}` +
    faults.slice(0, 5).map((fault) => `\n  ${fault}`).join(""),
    "",
    describeMethod([
      `${MINUTES} min, ${LISTENERS} listeners that stay for 5 to 20 s each and come back, ${PACE} events/s, 5 publishes/s and ` +
      "5 Jeedom calls/s through the gateway; every stay checked for missing and disordered events",
      `A look every ${
        SAMPLE_MS / 1000
      } s, after forced garbage collection; the slope is a line through the second half`,
    ]),
  ].join("\n");
});

function table(samples: readonly Sample[]): string {
  const busy = samples.slice(0, -1);
  const rows = ([["start", 0], ["quarter", 0.25], ["half", 0.5], ["end", 1]] as const).map(([name, share]) =>
    row(name, busy[Math.round(share * (busy.length - 1))] ?? fail())
  );
  const half = busy.slice(Math.floor(busy.length / 2));
  const perHour = (value: (sample: Sample) => number, count: number) => digits(slope(half, value) * 60, count);
  return markdownTable(["When", "Minute", "RSS MB", "Heap MB", "Descriptors"], [
    ...rows,
    row("all left", samples.at(-1) ?? fail()),
    [
      "per hour, second half",
      "",
      perHour(({ rss }) => rss / 2 ** 20, 1),
      perHour(({ heap }) => heap / 2 ** 20, 1),
      perHour(({ descriptors }) => descriptors, 0),
    ],
  ]);
}

function row(name: string, { minutes, rss, heap, descriptors }: Sample): string[] {
  return [name, digits(minutes, 1), digits(rss / 2 ** 20, 1), digits(heap / 2 ** 20, 1), String(descriptors)];
}

/** Rise per minute of the line that fits best. */
function slope(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ minutes }) => minutes), mean(value)];
  const covariance = mean((sample) => (sample.minutes - x) * (value(sample) - y));
  return covariance / mean(({ minutes }) => (minutes - x) ** 2);
}

function fail(): never {
  throw new Error("No sample was taken: give more minutes");
}
