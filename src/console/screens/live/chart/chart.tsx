/**
 * Chart of a series, in its element of the page.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { localeOf } from "../../../catalogue/language.ts";
import { useApp, useTranslated } from "../../../context.tsx";
import { LIVE_TEXTS } from "../texts.ts";
import type { ChartContent, DrawnChart } from "./draw_chart.ts";

/** Properties of a chart. */
export interface ChartProps {
  /** Text for screen readers. */
  readonly label: string;
  /** What it shows. */
  readonly content: ChartContent;
}

/** Chart; a text where its code cannot be loaded. */
export function Chart({ label, content }: ChartProps) {
  const texts = useTranslated(LIVE_TEXTS).chart;
  const language = localeOf(useApp().language.value, navigator.languages);
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<DrawnChart | undefined>(undefined);
  const newest = useRef(content);
  const [hasFailed, setHasFailed] = useState(false);
  newest.current = content;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const ended = new AbortController();
    import("./draw_chart.ts").then(({ drawChart }) => {
      if (ended.signal.aborted) return;
      const drawn = drawChart(element, { language });
      drawn.show(newest.current);
      chart.current = drawn;
      const refit = () => drawn.refit();
      const observer = new ResizeObserver(refit);
      observer.observe(element);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refit, { signal: ended.signal });
      ended.signal.addEventListener("abort", () => {
        observer.disconnect();
        drawn.remove();
        chart.current = undefined;
      });
    }, () => setHasFailed(true));
    return () => ended.abort();
  }, [language]);
  // The component is drawn at most once for each frame.
  useEffect(() => chart.current?.show(content));

  if (hasFailed) return <p class="quiet" role="status">{texts.failed}</p>;
  return <div ref={host} class="live-chart" role="img" aria-label={label} />;
}
