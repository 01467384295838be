/**
 * What happened to the streams: gaps, resumes, interruptions.
 *
 * @module
 */
import type { MarkTone } from "../../components/chart_data.ts";
import { useFormat, useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { LiveSession } from "./live_session.ts";
import type { Incident, IncidentKind } from "./stream_log.ts";
import { LIVE_TEXTS } from "./texts.ts";

/** Weight of each kind, for its colour. */
export const TONES: Readonly<Record<IncidentKind, MarkTone>> = {
  interrupted: "warn",
  slow: "bad",
  resumed: "calm",
  gap: "bad",
  omitted: "bad",
  offline: "warn",
  online: "calm",
  overflow: "bad",
};

/** Newest incident, and the earlier ones behind it. */
export function Incidents({ session }: { readonly session: LiveSession }) {
  const texts = useTranslated(LIVE_TEXTS).incidents;
  const newestFirst = session.incidents.value.toReversed();
  const [newest, ...earlier] = newestFirst;
  return (
    <div class="incidents" role="log" aria-label={texts.title}>
      {newest !== undefined && <IncidentLine incident={newest} />}
      {earlier.length > 0 && (
        <details>
          <summary>{texts.more(earlier.length)}</summary>
          {earlier.map((incident) => <IncidentLine key={incident.id} incident={incident} />)}
        </details>
      )}
    </div>
  );
}

/** One incident with its time. */
export function IncidentLine({ incident: { kind, topic, at } }: { readonly incident: Incident }) {
  const texts = useTranslated(LIVE_TEXTS).incidents;
  const format = useFormat();
  return (
    <p class={`note ${TONES[kind]}`}>
      <time class="num" dateTime={new Date(at).toISOString()}>{format.clock(at)}</time>
      <span>
        {texts.kinds[kind]}
        {topic !== undefined && <bdi class="mono">{visibleText(topic)}</bdi>}
      </span>
    </p>
  );
}
