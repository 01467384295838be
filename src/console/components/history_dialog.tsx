/**
 * Dialog with the past of a value as a chart.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { useFormat, useTexts, useTranslated } from "../context.tsx";
import { Chart } from "./chart.tsx";
import type { ChartData } from "./chart_data.ts";
import { Dialog } from "./dialog.tsx";
import { HISTORY_TEXTS } from "./history_texts.ts";
import { lastingUntil, valuesOf } from "./history_values.ts";
import { Segments } from "./segments.tsx";

/** Periods that can be chosen, in milliseconds. */
const PERIODS = { hours: 6 * 3_600_000, day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 } as const;

/** Period of a history. */
export type Period = keyof typeof PERIODS;

/** Properties of the dialog. */
export interface HistoryDialogProps {
  /** Name of the value, safe to show. */
  readonly title: string;
  /** Unit, safe to show; empty where there is none. */
  readonly unit: string;
  /** Texts for the values 0 and 1 of what stays until the next value, such as on and off; undefined for a number. */
  readonly stepTexts: readonly [string, string] | undefined;
  /** True where times are of another place's clock, written as if it were UTC. */
  readonly isUtc: boolean;
  /** Loads the points of the last so many milliseconds. */
  readonly load: (periodMs: number) => Promise<ChartData>;
  /** Returns the time of the clock that the points' times are of, in milliseconds. */
  readonly now: () => number;
  /** Called when it is closed in any way. */
  readonly onClose: () => void;
}

/** State of the loading. */
type Loading =
  | { readonly kind: "loading" }
  | { readonly kind: "failed" }
  | { readonly kind: "known"; readonly data: ChartData; readonly span: readonly [number, number] };

/** Dialog of a history. */
export function HistoryDialog({ title, unit, stepTexts, isUtc, load, now, onClose }: HistoryDialogProps) {
  const texts = useTranslated(HISTORY_TEXTS);
  const { app } = useTexts();
  const format = useFormat();
  const [period, setPeriod] = useState<Period>("day");
  const [attempt, setAttempt] = useState(0);
  const [loading, setLoading] = useState<Loading>({ kind: "loading" });
  const [index, setIndex] = useState<number | undefined>(undefined);

  useEffect(() => {
    let isWanted = true;
    setLoading({ kind: "loading" });
    setIndex(undefined);
    load(PERIODS[period]).then(
      (loaded) => {
        if (!isWanted) return;
        const end = now();
        const data = stepTexts === undefined ? loaded : lastingUntil(loaded, end);
        setLoading({ kind: "known", data, span: spanOf(data, end - PERIODS[period], end) });
      },
      () => isWanted && setLoading({ kind: "failed" }),
    );
    return () => isWanted = false;
  }, [period, attempt]);

  const write = (value: number | undefined) =>
    value !== undefined && stepTexts !== undefined
      ? stepTexts[value === 0 ? 0 : 1]
      : value === undefined
      ? "–"
      : `${format.number(value)}${unit === "" ? "" : `\u00a0${unit}`}`;
  const share = (value: number) => format.number(value * 100, 1) + "\u00a0%";
  const data = loading.kind === "known" ? loading.data : undefined;
  const facts = data === undefined ? undefined : valuesOf(data);
  const at = index === undefined ? undefined : data?.times[index];
  const pointed = index === undefined ? undefined : data?.values[index] ?? undefined;
  return (
    <Dialog title={title} onClose={onClose} class="history">
      <div class="history-top">
        <p class="history-value num">
          <b>{write(at === undefined ? facts?.last : pointed)}</b>
          <span>{at === undefined ? texts.last : format.dateTime(isUtc ? asLocal(at) : at)}</span>
        </p>
        <Segments
          label={texts.period}
          choices={Object.keys(PERIODS) as Period[]}
          value={period}
          text={(one) => texts.periods[one]}
          onChoose={setPeriod}
        />
      </div>
      {loading.kind === "loading" && <p class="history-state quiet" role="status">{app.loading}</p>}
      {loading.kind === "failed" && (
        <div class="history-state" role="alert">
          <p>{texts.failed}</p>
          <button type="button" class="button plain" onClick={() => setAttempt(attempt + 1)}>{app.retry}</button>
        </div>
      )}
      {loading.kind === "known" && data !== undefined &&
        (facts === undefined ? <p class="history-state quiet" role="status">{texts.none}</p> : (
          <>
            <Chart
              data={data}
              label={texts.chart(title, write(facts.lowest), write(facts.highest), write(facts.last))}
              isStepped={stepTexts !== undefined}
              stepTexts={stepTexts}
              span={loading.span}
              isUtc={isUtc}
              onPoint={setIndex}
            />
            <dl class="numbers num">
              {(stepTexts !== undefined
                ? [[stepTexts[1], share(facts.average)], [texts.changes, format.number(facts.changes, 0)]]
                : [
                  [texts.lowest, write(facts.lowest)],
                  [texts.highest, write(facts.highest)],
                  [texts.average, write(facts.average)],
                  [texts.points, format.number(facts.count, 0)],
                ]).map(([name, value]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                  </div>
                ))}
            </dl>
          </>
        ))}
    </Dialog>
  );
}

/** Returns a period, longer where a clock that differs has points outside of it. */
function spanOf({ times }: ChartData, start: number, end: number): readonly [number, number] {
  return [Math.min(start, times[0] ?? start), Math.max(end, times.at(-1) ?? end)];
}

/** Returns the time at which this device's clock shows what a clock of UTC shows at another. */
function asLocal(ms: number): number {
  return ms + new Date(ms).getTimezoneOffset() * 60_000;
}
