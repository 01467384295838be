/**
 * Chart of one series, drawn by uPlot. This module is loaded when the first chart is shown.
 *
 * @module
 */
import uPlot from "uplot";

/** Vertical line at the time of an incident. */
export interface ChartMark {
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  /** Token of its colour. */
  readonly colour: "--bad" | "--glow-line" | "--ok";
}

/** What a chart shows. */
export interface ChartContent {
  /** Times in ascending order, in milliseconds since 1970. */
  readonly times: Float64Array;
  /** Values. */
  readonly values: Float64Array;
  /** Start and end of the time axis, in milliseconds since 1970. */
  readonly range: readonly [number, number];
  /** Incidents. */
  readonly marks: readonly ChartMark[];
}

/** Chart in an element. */
export interface DrawnChart {
  /** Shows other content. */
  show(content: ChartContent): void;
  /** Fits it to its element, and takes the colours of the current scheme. */
  refit(): void;
  /** Removes it. */
  remove(): void;
}

/** Share of the height above and below the line. */
const MARGIN = 0.08;

/** Opacity of the area below the line at its top, in hexadecimal. */
const AREA_OPACITY = "38%";

/** Draws a chart in an element; `language` is that of the times and numbers at its axes. */
export function drawChart(host: HTMLElement, { language }: { readonly language: string }): DrawnChart {
  let content: ChartContent = {
    times: new Float64Array(),
    values: new Float64Array(),
    range: [Date.now() - 60_000, Date.now()],
    marks: [],
  };
  let plot = make();

  function make(): uPlot {
    const size = { width: host.clientWidth, height: host.clientHeight };
    return new uPlot({ ...size, ...optionsFor(host, { language, content: () => content }) }, dataOf(content), host);
  }

  return {
    show(next) {
      content = next;
      plot.setData(dataOf(next), false);
      plot.setScale("x", { min: next.range[0], max: next.range[1] });
    },
    refit() {
      plot.destroy();
      plot = make();
      this.show(content);
    },
    remove: () => plot.destroy(),
  };
}

function dataOf({ times, values }: ChartContent): uPlot.AlignedData {
  return [times, values];
}

function optionsFor(
  host: HTMLElement,
  { language, content }: { readonly language: string; readonly content: () => ChartContent },
): Omit<uPlot.Options, "width" | "height"> {
  const colour = (token: string) => tokenColour(host, token);
  const [line, grid, label] = [colour("--accent"), colour("--line"), colour("--ink-2")];
  const area = tokenColour(host, "--accent", AREA_OPACITY);
  // Nothing at all would be black, and grey the area.
  const none = tokenColour(host, "--accent", "1%");
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 3, notation: "compact" });
  // Of 24 hours also where 12 are usual: the labels stay short.
  const minute = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const minutes = new Intl.DateTimeFormat(language, minute);
  const seconds = new Intl.DateTimeFormat(language, { ...minute, second: "2-digit" });
  const axis = { stroke: label, font: `12px ${getComputedStyle(host).fontFamily}`, ticks: { show: false } };
  return {
    ms: 1,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8, fill: line } },
    padding: [12, 26, 0, 0],
    scales: {
      x: { time: true },
      y: { range: (_plot, min, max) => paddedRange(min, max) },
    },
    axes: [
      {
        ...axis,
        space: 90,
        size: 32,
        grid: { show: false },
        values: (_plot, times, _index, _space, step) =>
          times.map((time) => (step < 60_000 ? seconds : minutes).format(time)),
      },
      {
        ...axis,
        size: 52,
        grid: { stroke: grid, width: 1 },
        values: (_plot, values) => values.map((value) => number.format(value)),
      },
    ],
    series: [
      {},
      {
        stroke: line,
        width: 2,
        points: { show: (plot) => (plot.data[0]?.length ?? 0) < 40, size: 6, fill: line },
        fill: (plot) => {
          const { top, height } = plot.bbox;
          // Before the first layout there is no height yet.
          const gradient = plot.ctx.createLinearGradient(0, top, 0, top + Math.max(1, height));
          gradient.addColorStop(0, area);
          gradient.addColorStop(1, none);
          return gradient;
        },
      },
    ],
    hooks: {
      draw: [(plot) => {
        for (const { at, colour: token } of content().marks) drawMark(plot, at, colour(token));
      }],
    },
  };
}

/** Draws a dashed line from top to bottom. */
function drawMark({ ctx, bbox, valToPos }: uPlot, at: number, colour: string): void {
  const x = Math.round(valToPos(at, "x", true)) + 0.5;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function paddedRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const margin = max === min ? Math.abs(max) * MARGIN || 1 : (max - min) * MARGIN;
  return [min - margin, max + margin];
}

/** Returns the colour of a design token in the current scheme, as a canvas takes it. */
function tokenColour(host: HTMLElement, token: string, opacity = "100%"): string {
  const probe = document.createElement("span");
  probe.style.color = `color-mix(in srgb, var(${token}) ${opacity}, transparent)`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
