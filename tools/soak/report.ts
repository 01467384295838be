/** How a soak is told: curves and a table. */
import { digits, markdownTable } from "../support/report.ts";
import { drawCharts, type Panel } from "./chart.ts";
import { BOUNDS, riseOf, type SoakSample } from "./growth.ts";

const MB = 2 ** 20;

/** Draws the curves. */
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
    panel("Errors that phones got", "in 10 s", ({ errors }) => errors),
  ]);
}

/** A table of some samples, of the last one after all have left, and of how much each figure rises. */
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
  const rise = (scale: (figure: string) => number, of: (bound: (typeof BOUNDS)[number]) => number) =>
    BOUNDS.map((bound) => digits(of(bound) / scale(bound.figure), 1));
  const scale = (figure: string) => figure === "rss" || figure === "heap" ? MB : 1;
  return markdownTable(["When", "Minute", "RSS MB", "Heap MB", "Descriptors", "Timers", "Resources"], [
    ...rows,
    ["all left", ...last === undefined ? [] : cells(last)],
    ["rise of the second half", "", ...rise(scale, (bound) => riseOf(samples, bound))],
    ["at most", "", ...rise(scale, ({ most }) => most)],
  ]);
}
