/**
 * Chart of one value over time. The library that draws it is loaded with the first chart.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { localeOf } from "../catalogue/language.ts";
import { useApp, useTexts } from "../context.tsx";
import { chartColors } from "./chart_colors.ts";
import type { ChartData, ChartMark } from "./chart_data.ts";
import { chartOptions } from "./chart_options.ts";

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
  /** Begin and end of the axis of times, in milliseconds since 1970. */
  readonly span: readonly [number, number];
  /** Vertical lines. */
  readonly marks?: readonly ChartMark[] | undefined;
  /** True where times are of another place's clock, written as if it were UTC. */
  readonly isUtc?: boolean | undefined;
  /** Called with the index of the point under the pointer; undefined while there is none. */
  readonly onPoint?: ((index: number | undefined) => void) | undefined;
}

/** Chart. It fills the width and height of its element, `.chart`. */
export function Chart(props: ChartProps) {
  const { data, label, isStepped = false, stepTexts, span, isUtc = false, marks } = props;
  const texts = useTexts().app;
  const language = useApp().language.value;
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");

  useEffect(() => {
    const own = element.current;
    if (own === null) return;
    let UPlot: typeof uPlot | undefined;
    const ended = new AbortController();
    const draw = () => {
      if (UPlot === undefined) return;
      plot.current?.destroy();
      const { clientWidth: width, clientHeight: height } = own;
      const options = chartOptions(UPlot, {
        width,
        height,
        colors: chartColors(own),
        font: `12px ${getComputedStyle(own).fontFamily}`,
        locale: localeOf(language, navigator.languages),
        isStepped,
        stepTexts,
        isUtc,
        marks: () => latest.current.marks ?? [],
        onPoint: (index) => latest.current.onPoint?.(index),
      });
      plot.current = new UPlot(options, undefined, own);
      show(plot.current, latest.current);
    };
    const resize = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = own;
      if (width > 0 && height > 0) plot.current?.setSize({ width, height });
    });
    import("uplot").then(
      (module) => {
        if (ended.signal.aborted) return;
        UPlot = module.default;
        draw();
        resize.observe(own);
        setState("shown");
      },
      () => !ended.signal.aborted && setState("failed"),
    );
    // The colours of a canvas do not follow the scheme of the page by themselves.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal: ended.signal });
    return () => {
      ended.abort();
      resize.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [language, isStepped, stepTexts?.join(), isUtc]);

  useEffect(() => plot.current && show(plot.current, latest.current), [data, span.join(), marks]);

  return (
    <div class={`chart ${state}`} ref={element} role="img" aria-label={label}>
      {state !== "shown" && <p class="quiet">{state === "loading" ? texts.loading : texts.screenFailed}</p>}
    </div>
  );
}

function show(plot: uPlot, { data: { times, values }, span: [min, max] }: ChartProps): void {
  plot.batch(() => {
    plot.setData([times, values], false);
    plot.setScale("x", { min, max });
  });
}
