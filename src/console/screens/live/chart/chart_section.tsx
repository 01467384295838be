/**
 * Chart of a topic: the value that is chosen, its range of time, lowest, highest and average.
 *
 * @module
 */
import { useId, useMemo, useState } from "preact/hooks";
import { Chart } from "../../../components/chart.tsx";
import { Segments } from "../../../components/segments.tsx";
import { useFormat, useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { Fact } from "../detail/fact.tsx";
import type { LiveSession } from "../live_session.ts";
import type { Topic } from "../model/topic.ts";
import type { TopicSeries } from "../model/topic_series.ts";
import { numericPaths, type ValuePath } from "../model/value_path.ts";
import type { Now } from "../rows/topic_rows.tsx";
import { TONES } from "../incidents.tsx";
import { LIVE_TEXTS } from "../texts.ts";
import { firstSince, statisticsOf } from "./statistics.ts";

/** Ranges of time, in milliseconds. */
const RANGES = { minute: 60_000, five: 300_000, hour: 3_600_000, all: Infinity } as const;

/** Shortest range that is drawn, in milliseconds. */
const MIN_RANGE_MS = 20_000;

/** Range of time. */
type Range = keyof typeof RANGES;

/** Properties of the section. */
export interface ChartSectionProps {
  /** Topic. */
  readonly topic: Topic;
  /** State of the screen. */
  readonly session: LiveSession;
  /** Time, which changes once a second. */
  readonly now: Now;
  /** Newest payload, where it is text. */
  readonly payload: string | null;
}

/** Chart with its choices; nothing for a topic without numbers. */
export function ChartSection({ topic, session, now, payload }: ChartSectionProps) {
  const texts = useTranslated(LIVE_TEXTS).chart;
  const id = useId();
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const [range, setRange] = useState<Range>("five");
  // Paths that were there once stay, so that the choice does not change by itself.
  const [known] = useState(() => new Map(topic.watched.map(({ path }) => [JSON.stringify(path), path])));
  useMemo(() => {
    for (const path of numericPaths(payload)) if (known.size < 100) known.set(JSON.stringify(path), path);
  }, [payload]);
  const paths: readonly (readonly [string, ValuePath])[] = [...known];
  const [, path] = paths.find(([key]) => key === chosen) ?? paths[0] ?? [];
  if (path === undefined) return null;
  const { series } = session.store.watch(topic, path);
  const name = path.length === 0 ? texts.whole : visibleText(path.join(" › "));
  return (
    <section class="chart-section">
      <div class="section">
        {paths.length > 1
          ? (
            <>
              <label for={id} class="visually-hidden">{texts.value}</label>
              <select
                id={id}
                class="field"
                value={JSON.stringify(path)}
                onChange={(event) => setChosen(event.currentTarget.value)}
              >
                {paths.map(([key, path]) => (
                  <option key={key} value={key}>
                    {path.length === 0 ? texts.whole : visibleText(path.join(" › "))}
                  </option>
                ))}
              </select>
            </>
          )
          : <h2>{path.length === 0 ? texts.title : name}</h2>}
        <Segments
          label={texts.range}
          choices={["minute", "five", "hour", "all"] as const}
          value={range}
          text={(one) => texts.ranges[one]}
          onChoose={setRange}
        />
      </div>
      {series.length === 0
        ? <p class="quiet">{texts.waiting}</p>
        : <ChartOf topic={topic} series={series} range={range} session={session} now={now} />}
    </section>
  );
}

/** Point below the pointer. */
interface Pointed {
  readonly at: number;
  readonly value: number;
}

function pointAt(index: number, { times, values }: TopicSeries): Pointed | undefined {
  const [at, value] = [times[index], values[index]];
  return at === undefined || value === undefined ? undefined : { at, value };
}

/** Returns the decimals of a number that are of use: small ones need more. */
function decimalsOf(value: number): number {
  return value === 0 ? 0 : Math.min(10, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

interface ChartOfProps extends Pick<ChartSectionProps, "topic" | "session" | "now"> {
  readonly series: TopicSeries;
  readonly range: Range;
}

function ChartOf({ topic, series, range, session, now }: ChartOfProps) {
  const texts = useTranslated(LIVE_TEXTS).chart;
  const format = useFormat();
  const write = (value: number) => format.number(value, decimalsOf(value));
  const { times, values } = series;
  const [pointed, setPointed] = useState<Pointed | undefined>(undefined);
  // While the screen is paused, the time stands still, too.
  const end = Math.max(session.isPaused.value ? now.peek() : now.value, times.at(-1) ?? 0);
  // A young series fills the chart, too.
  const start = Math.max(end - RANGES[range], Math.min(times[0] ?? end, end - MIN_RANGE_MS));
  const first = firstSince(times, start);
  const found = statisticsOf(values.subarray(first));
  // The line enters from the point before.
  const drawn = Math.max(0, first - 1);
  const marks = session.incidents.value.filter(({ service }) => service === topic.service)
    .map(({ at, kind }) => ({ at, tone: TONES[kind] }));
  return (
    <>
      <Chart
        label={texts.of(visibleText(topic.name))}
        data={{ times: times.subarray(drawn), values: values.subarray(drawn) }}
        span={[start, end]}
        marks={marks}
        onPoint={(index) => setPointed(index === undefined ? undefined : pointAt(index + drawn, series))}
      />
      <dl class="numbers num">
        <Fact name={pointed === undefined ? texts.newest : format.clock(pointed.at)}>
          {write(pointed?.value ?? values.at(-1) ?? 0)}
        </Fact>
        {(["lowest", "highest", "average"] as const).map((one) => (
          <Fact key={one} name={texts[one]}>{found === undefined ? "–" : write(found[one])}</Fact>
        ))}
        <Fact name={texts.points}>{format.number(times.length - first)}</Fact>
      </dl>
    </>
  );
}
