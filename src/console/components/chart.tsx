/**
 * Chart of one value over time. The library that draws it is loaded with the first chart.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { localeOf } from "../catalogue/language.ts";
import { useApp, useTexts } from "../context.tsx";
import type { ChartData } from "./chart_data.ts";
import { type ChartColors, chartOptions } from "./chart_options.ts";

/** Properties of a chart. */
export interface ChartProps {
  /** Points: a new object for each change. */
  readonly data: ChartData;
  /** Text for screen readers. */
  readonly label: string;
  /** True for values that stay until the next one, such as on and off. */
  readonly isStepped?: boolean | undefined;
  /** Texts for the values 0 and 1, where there are no others. */
  readonly stepTexts?: readonly [string, string] | undefined;
  /** Begin and end of the axis of times at least, in milliseconds; those of the points by default. */
  readonly span?: readonly [number, number] | undefined;
  /** True where times are of another place's clock, written as if it were UTC. */
  readonly isUtc?: boolean | undefined;
  /** Called with the index of the point under the pointer; undefined while there is none. */
  readonly onPoint?: ((index: number | undefined) => void) | undefined;
}

/** Chart. It fills the width and height of its element, `.chart`. */
export function Chart({ data, label, isStepped = false, stepTexts, span, isUtc = false, onPoint }: ChartProps) {
  const texts = useTexts().app;
  const language = useApp().language.value;
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef({ data, onPoint });
  latest.current = { data, onPoint };
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");

  useEffect(() => {
    const own = element.current;
    if (own === null) return;
    let UPlot: typeof uPlot | undefined;
    let isShown = true;
    // The colours of a canvas do not follow the scheme of the page by themselves.
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const draw = () => {
      if (UPlot === undefined) return;
      plot.current?.destroy();
      const { clientWidth: width, clientHeight: height } = own;
      const options = chartOptions(UPlot, {
        width,
        height,
        colors: colorsOf(own),
        font: `12px ${getComputedStyle(own).fontFamily}`,
        locale: localeOf(language, navigator.languages),
        isStepped,
        stepTexts,
        span,
        isUtc,
        onPoint: (index) => latest.current.onPoint?.(index),
      });
      plot.current = new UPlot(options, alignedData(latest.current.data), own);
    };
    const resize = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = own;
      if (width > 0 && height > 0) plot.current?.setSize({ width, height });
    });
    import("uplot").then(
      (module) => {
        if (!isShown) return;
        UPlot = module.default;
        draw();
        resize.observe(own);
        setState("shown");
      },
      () => isShown && setState("failed"),
    );
    scheme.addEventListener("change", draw);
    return () => {
      isShown = false;
      scheme.removeEventListener("change", draw);
      resize.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [language, isStepped, stepTexts?.join(), span?.join(), isUtc]);

  useEffect(() => plot.current?.setData(alignedData(data)), [data]);

  return (
    <div class={`chart ${state}`} ref={element} role="img" aria-label={label}>
      {state !== "shown" && <p class="quiet">{state === "loading" ? texts.loading : texts.screenFailed}</p>}
    </div>
  );
}

function alignedData({ times, values }: ChartData): uPlot.AlignedData {
  return [Array.isArray(times) ? [...times] : Float64Array.from(times), [...values]];
}

/** Returns the colours of an element: `currentColor` is that of the line. */
function colorsOf(element: Element): ChartColors {
  const style = getComputedStyle(element);
  // The browser resolves `light-dark()` in colours only, not in custom properties.
  const resolve = (property: string) => style.getPropertyValue(property);
  return {
    line: resolve("color"),
    area: resolve("background-color"),
    grid: resolve("outline-color"),
    text: resolve("caret-color"),
  };
}
