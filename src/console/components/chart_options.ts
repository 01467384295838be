/**
 * Options of a chart: axes, colours and the form of its line.
 *
 * @module
 */
import type uPlot from "uplot";
import { timeForm, valueRange } from "./chart_axes.ts";

/** Colours of a chart, of the page's design tokens. */
export interface ChartColors {
  /** Line. */
  readonly line: string;
  /** Area below the line. */
  readonly area: string;
  /** Lines of the grid. */
  readonly grid: string;
  /** Text of the axes. */
  readonly text: string;
}

/** Parts of a chart that follow from its use. */
export interface ChartOptions {
  /** Width, in CSS pixels. */
  readonly width: number;
  /** Height, in CSS pixels. */
  readonly height: number;
  /** Colours. */
  readonly colors: ChartColors;
  /** Font of the axes. */
  readonly font: string;
  /** Language tag for times and numbers. */
  readonly locale: string;
  /** True for values that stay until the next one, such as on and off. */
  readonly isStepped: boolean;
  /** Texts for the values 0 and 1, where there are no others. */
  readonly stepTexts?: readonly [string, string] | undefined;
  /** Begin and end of the axis of times at least, in milliseconds; those of the points by default. */
  readonly span?: readonly [number, number] | undefined;
  /** True where times are of another place's clock, written as if it were UTC. */
  readonly isUtc: boolean;
  /** Called with the index of the point under the pointer; undefined while there is none. */
  readonly onPoint: (index: number | undefined) => void;
}

/** Least space between two times of the axis, in CSS pixels. */
const TIME_SPACE = 84;

/** Width of the axis of values for each character of its longest text, in CSS pixels. */
const CHARACTER_WIDTH = 7;

/** Makes the options of the chart library, `UPlot`. */
export function chartOptions(
  UPlot: typeof uPlot,
  { width, height, colors, font, locale, isStepped, stepTexts, span, isUtc, onPoint }: ChartOptions,
): uPlot.Options {
  const { stepped, linear } = UPlot.paths;
  const timeZone = isUtc ? { timeZone: "UTC" } : {};
  const grid = { stroke: colors.grid, width: 1 };
  const axis = { stroke: colors.text, font, ticks: { show: false } };
  return {
    width,
    height,
    ms: 1,
    ...isUtc ? { tzDate: (ms: number) => UPlot.tzDate(new Date(ms), "UTC") } : {},
    padding: [10, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9 } },
    scales: {
      x: {
        time: true,
        range: (_, first, last) =>
          span === undefined ? [first, last] : [Math.min(first, span[0]), Math.max(last, span[1])],
      },
      y: { range: (_, low, high) => stepTexts === undefined ? valueRange(low, high) : [-0.1, 1.15] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: TIME_SPACE,
        size: 28,
        values: (_, times, _index, _space, increment) => {
          const form = new Intl.DateTimeFormat(locale, { ...timeForm(increment), ...timeZone });
          return times.map((time) => form.format(time));
        },
      },
      {
        ...axis,
        grid,
        gap: 8,
        ...stepTexts === undefined ? {} : { splits: [0, 1] },
        size: (_, texts) => 16 + CHARACTER_WIDTH * Math.max(1, ...(texts ?? []).map(({ length }) => length)),
        values: (_, values, _index, _space, increment) => {
          if (stepTexts !== undefined) return values.map((value) => stepTexts[value === 0 ? 0 : 1]);
          const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(increment))));
          const form = new Intl.NumberFormat(locale, {
            minimumFractionDigits: decimals,
            maximumFractionDigits: decimals,
          });
          return values.map((value) => form.format(value));
        },
      },
    ],
    series: [{}, {
      stroke: colors.line,
      fill: colors.area,
      width: 2,
      points: { show: false },
      spanGaps: false,
      ...isStepped && stepped !== undefined
        ? { paths: stepped({ align: 1 }) }
        : linear === undefined
        ? {}
        : { paths: linear() },
    }],
    hooks: { setCursor: [({ cursor: { idx } }) => onPoint(idx ?? undefined)] },
  };
}
