/** Report of a soak: curves and a table. */
import { digits, markdownTable } from "../support/report.ts";
import { drawCharts, type Panel } from "./chart.ts";
import { type Bound, BOUNDS, riseOf, type SoakSample } from "./growth.ts";

const MB = 2 ** 20;

/** Returns the curves as SVG text. */
export function drawCurves(samples: readonly SoakSample[]): string {
  const panel = (title: string, unit: string, value: (sample: SoakSample) => number): Panel => ({
    title,
    unit,
    points: samples.map((sample) => ({ x: sample.minutes, y: value(sample) })),
  });
  const minutes = Math.round(samples.at(-1)?.minutes ?? 0);
  return drawCharts(`${minutes} minutes of mixed traffic`, [
    panel("Resident memory", "MB", ({ rss }) => rss / MB),
    panel("JavaScript heap", "MB", ({ heap }) => heap / MB),
    panel("File descriptors", "count", ({ descriptors }) => descriptors),
    panel("Timers", "count", ({ timers }) => timers),
    panel("Open streams", "count", ({ streams }) => streams),
    panel("Errors of clients", "in 10 s", ({ errors }) => errors),
  ]);
}

/** Returns a table of some samples, the last one after all clients have disconnected, and the rise of each metric. */
export function sampleTable(samples: readonly SoakSample[], last: SoakSample | undefined): string {
  const cells = ({ minutes, rss, heap, descriptors, timers, resources }: SoakSample) => [
    digits(minutes, 1),
    digits(rss / MB, 1),
    digits(heap / MB, 1),
    ...[descriptors, timers, resources].map(String),
  ];
  const rows = ([["start", 0], ["quarter", 0.25], ["half", 0.5], ["end", 1]] as const).map(([name, share]) => {
    const sample = samples[Math.round(share * (samples.length - 1))];
    return [name, ...sample === undefined ? [] : cells(sample)];
  });
  const scale = (metric: string) => metric === "rss" || metric === "heap" ? MB : 1;
  const inUnits = (value: (bound: Bound) => number) =>
    BOUNDS.map((bound) => digits(value(bound) / scale(bound.metric), 1));
  return markdownTable(["When", "Minute", "RSS MB", "Heap MB", "Descriptors", "Timers", "Resources"], [
    ...rows,
    ["all disconnected", ...last === undefined ? [] : cells(last)],
    ["rise in the second half", "", ...inUnits((bound) => riseOf(samples, bound))],
    ["at most", "", ...inUnits(({ most }) => most)],
  ]);
}
