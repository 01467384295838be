/**
 * Colours of a chart: a canvas does not follow the style sheet by itself.
 *
 * @module
 */

import type { MarkTone } from "./chart_data.ts";

/** Colours of a chart, of the page's design tokens. */
export interface ChartColors {
  /** Line. */
  readonly line: string;
  /** Area below the line, at its top. */
  readonly area: string;
  /** Area at its bottom. */
  readonly fade: string;
  /** Lines of the grid. */
  readonly grid: string;
  /** Text of the axes. */
  readonly text: string;
  /** Marks by their weight. */
  readonly marks: Readonly<Record<MarkTone, string>>;
}

/** Returns the colours of a chart's element in the current scheme; `--tone` is that of its line. */
export function chartColors(host: HTMLElement): ChartColors {
  // The browser resolves `light-dark()` in colours only, not in custom properties.
  const probe = document.createElement("span");
  host.append(probe);
  const resolve = (color: string) => {
    probe.style.color = color;
    return getComputedStyle(probe).color;
  };
  const line = "var(--tone, var(--accent))";
  const colors = {
    line: resolve(line),
    area: resolve(`color-mix(in srgb, ${line} 34%, transparent)`),
    // `transparent` would be black, and grey the area.
    fade: resolve(`color-mix(in srgb, ${line} 1%, transparent)`),
    grid: resolve("var(--line)"),
    text: resolve("var(--ink-2)"),
    marks: { bad: resolve("var(--bad)"), warn: resolve("var(--glow-line)"), calm: resolve("var(--ok)") },
  };
  probe.remove();
  return colors;
}
