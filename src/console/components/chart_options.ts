/**
 * Options of a chart: axes, colours and the form of its line.
 *
 * @module
 */
import type uPlot from "uplot";
import { numberForm, timeForm, valueRange } from "./chart_axes.ts";
import type { ChartColors } from "./chart_colors.ts";
import type { ChartMark } from "./chart_data.ts";

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
  /** True where times are of another place's clock, written as if it were UTC. */
  readonly isUtc: boolean;
  /** Returns the vertical lines. */
  readonly marks: () => readonly ChartMark[];
  /** Called with the index of the point under the pointer; undefined while there is none. */
  readonly onPoint: (index: number | undefined) => void;
}

/** Least space between two times of the axis, in CSS pixels. */
const TIME_SPACE = 84;

/** Width of the axis of values for each character of its longest text, in CSS pixels. */
const CHARACTER_WIDTH = 7;

/** Most points of which each is drawn as a dot, too; of steps, only those that may be too short for a line. */
const MAX_DOTS = 40;
const MAX_STEP_DOTS = 3;

/** Makes the options of the chart library, `UPlot`. */
export function chartOptions(
  UPlot: typeof uPlot,
  { width, height, colors, font, locale, isStepped, stepTexts, isUtc, marks, onPoint }: ChartOptions,
): uPlot.Options {
  const { stepped, linear } = UPlot.paths;
  const timeZone = isUtc ? { timeZone: "UTC" } : {};
  const axis = { stroke: colors.text, font, ticks: { show: false } };
  return {
    width,
    height,
    ms: 1,
    ...isUtc ? { tzDate: (ms: number) => UPlot.tzDate(new Date(ms), "UTC") } : {},
    // The last time is centred at the end of its axis.
    padding: [10, 34, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9 } },
    scales: {
      x: { time: true },
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
        grid: { stroke: colors.grid, width: 1 },
        gap: 8,
        ...stepTexts === undefined ? {} : { splits: [0, 1] },
        size: (_, texts) => 16 + CHARACTER_WIDTH * Math.max(1, ...(texts ?? []).map(({ length }) => length)),
        values: (_, values, _index, _space, increment) => {
          if (stepTexts !== undefined) return values.map((value) => stepTexts[value === 0 ? 0 : 1]);
          const form = new Intl.NumberFormat(locale, numberForm(increment, Math.max(...values.map(Math.abs))));
          return values.map((value) => form.format(value));
        },
      },
    ],
    series: [{}, {
      stroke: colors.line,
      fill: (plot) => areaGradient(plot, colors),
      width: 2,
      points: {
        show: (plot) => plot.data[0].length < (isStepped ? MAX_STEP_DOTS : MAX_DOTS),
        size: 6,
        fill: colors.line,
      },
      spanGaps: false,
      ...isStepped && stepped !== undefined
        ? { paths: stepped({ align: 1 }) }
        : linear === undefined
        ? {}
        : { paths: linear() },
    }],
    hooks: {
      draw: [(plot) => marks().forEach(({ at, tone }) => drawMark(plot, at, colors.marks[tone]))],
      setCursor: [({ cursor: { idx } }) => onPoint(idx ?? undefined)],
    },
  };
}

function areaGradient({ bbox: { top, height }, ctx }: uPlot, { area, fade }: ChartColors): CanvasGradient {
  // Before the first layout there is no height yet.
  const gradient = ctx.createLinearGradient(0, top, 0, top + Math.max(1, height));
  gradient.addColorStop(0, area);
  gradient.addColorStop(1, fade);
  return gradient;
}

/** Draws a dashed line from top to bottom. */
function drawMark({ ctx, bbox, valToPos }: uPlot, at: number, color: string): void {
  const x = Math.round(valToPos(at, "x", true)) + 0.5;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
