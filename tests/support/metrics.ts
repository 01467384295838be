import { createMetrics, type Metrics, type MetricsOptions } from "../../src/observability/metrics.ts";
import type { Gauges } from "../../src/observability/telemetry.ts";
import { type Family, parsePrometheusText, type Sample } from "./prometheus_text.ts";

/** A house where each thing is there, and each figure another. */
export const LEVELS: Gauges = {
  queueBytes: 1001,
  backlogBytes: 1002,
  unreadBytes: 1003,
  ringBytes: 1004,
  sharedEventBytes: 1005,
  subscriptions: 1006,
  listeners: 1007,
  brokerConnections: 1008,
  replays: { entries: 1009, bytes: 1010 },
  bodies: 1011,
  running: 1012,
  up: { broker: true, jeedom: false, replay_store: true },
  isReady: false,
  keys: [
    { name: "default", expiresInSeconds: undefined },
    { name: "phone", expiresInSeconds: 1012.5 },
  ],
};

/** Metrics of an imaginary process, with clocks that are told. */
export function makeMetrics(options: Partial<MetricsOptions> = {}): Metrics & Disposable {
  const metrics = createMetrics({
    levels: () => LEVELS,
    process: () => ({ rssBytes: 2001, heapBytes: 2002, cpuSeconds: 2003.25, startTimeSeconds: 1_700_000_000.5 }),
    monotonic: () => 0,
    version: "1.2.3",
    ...options,
  });
  return { ...metrics, [Symbol.dispose]: () => metrics.close() };
}

/** What metrics show, by name. */
export async function shown(metrics: Metrics): Promise<Map<string, Family>> {
  return parsePrometheusText(await metrics.text());
}

/** The one value of a series; undefined where it is absent. */
export async function valueOf(
  metrics: Metrics,
  { name, labels = {} }: { readonly name: string; readonly labels?: Sample["labels"] },
): Promise<number | undefined> {
  const samples = [...(await shown(metrics)).values()].flatMap(({ samples }) => samples);
  const wanted = Object.entries(labels);
  return samples.find((sample) =>
    sample.name === name && Object.keys(sample.labels).length === wanted.length &&
    wanted.every(([label, value]) => sample.labels[label] === value)
  )?.value;
}
