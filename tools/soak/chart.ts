/** Charts over time as one static SVG: small multiples, legible on a light and on a dark page. */
import type { Point } from "../support/statistics.ts";

/** A curve with its labels. */
export interface Panel {
  /** Name of the metric. */
  readonly title: string;
  /** Unit of the values. */
  readonly unit: string;
  /** Values; a value that is not finite leaves a gap in the curve. */
  readonly points: readonly Point[];
}

const WIDTH = 400;
const HEIGHT = 150;
const MARGIN = { left: 56, right: 14, top: 28, bottom: 30 };
const COLUMNS = 2;
const TITLE_HEIGHT = 34;

/** Sets its own background: a page may be dark on a system with a light theme, and vice versa. */
const STYLE = [
  ".page{fill:#fff}",
  "text{font:11px system-ui,sans-serif;fill:#57606a}",
  ".title{font-weight:600;fill:#24292f}",
  ".axis{stroke:#8c959f;stroke-width:1;fill:none}",
  ".grid{stroke:#8c959f;stroke-opacity:.3;stroke-width:1}",
  ".line{stroke:#0969da;stroke-width:1.5;fill:none}",
  "@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#9198a1}.title{fill:#f0f6fc}.line{stroke:#4493f8}}",
].join("");

/** Returns the SVG text of panels in two columns under one title, over one axis of minutes. */
export function drawCharts(title: string, panels: readonly Panel[]): string {
  const width = WIDTH * COLUMNS;
  const height = TITLE_HEIGHT + HEIGHT * Math.ceil(panels.length / COLUMNS);
  const until = Math.max(1e-9, ...panels.flatMap(({ points }) => points.map(({ x }) => x)));
  const drawn = panels.map((panel, index) => {
    const [x, y] = [WIDTH * (index % COLUMNS), TITLE_HEIGHT + HEIGHT * Math.floor(index / COLUMNS)];
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, until)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escapeXml(title)}">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${width}" height="${height}" rx="6"/>`,
    `<text class="title" x="${MARGIN.left}" y="20">${escapeXml(title)}</text>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function drawPanel({ title, unit, points }: Panel, until: number): string {
  const known = points.filter(({ y }) => Number.isFinite(y));
  // The axis starts at zero, so a flat curve looks flat.
  const ticks = ticksUpTo(Math.max(0, ...known.map(({ y }) => y)));
  const most = ticks.at(-1) ?? 1;
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const px = (x: number) => round(MARGIN.left + x / until * (right - MARGIN.left));
  const py = (y: number) => round(bottom - y / most * (bottom - MARGIN.top));
  const rows = ticks.map((tick) =>
    `<path class="grid" d="M${MARGIN.left} ${py(tick)}H${right}"/>` +
    `<text x="${MARGIN.left - 6}" y="${py(tick) + 4}" text-anchor="end">${formatTick(tick)}</text>`
  );
  const columns = ticksUpTo(until).filter((tick) => tick <= until).map((tick) =>
    `<text x="${px(tick)}" y="${bottom + 14}" text-anchor="middle">${formatTick(tick)}</text>`
  );
  return [
    `<text class="title" x="${MARGIN.left}" y="16">${escapeXml(title)}</text>`,
    `<text x="${right}" y="16" text-anchor="end">${escapeXml(unit)}</text>`,
    ...rows,
    ...columns,
    `<text x="${right}" y="${bottom + 26}" text-anchor="end">minutes</text>`,
    `<path class="axis" d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}"/>`,
    `<path class="line" d="${pathOf(points, px, py)}"/>`,
  ].join("");
}

function pathOf(points: readonly Point[], px: (x: number) => number, py: (y: number) => number): string {
  let isDown = false;
  return points.map(({ x, y }) => {
    const command = isDown ? "L" : "M";
    isDown = Number.isFinite(y);
    return isDown ? `${command}${px(x)} ${py(y)}` : "";
  }).join("");
}

/** Returns three to six round numbers from 0 to at least the greatest value. */
export function ticksUpTo(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step);
}

function formatTick(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
