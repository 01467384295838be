/**
 * Last messages of a topic, with what happened to the stream between them.
 *
 * @module
 */
import { useFormat, useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { IncidentLine } from "../incidents.tsx";
import type { Message } from "../model/message.ts";
import type { Incident } from "../stream_log.ts";
import { LIVE_TEXTS } from "../texts.ts";

/** Most messages that are listed. */
const MAX_LISTED = 20;

/** Most characters of a payload in the list. */
const MAX_PREVIEW = 160;

/** Properties of the list. */
export interface LastMessagesProps {
  /** Messages, the oldest first. */
  readonly messages: readonly Message[];
  /** What happened to the stream, the oldest first. */
  readonly incidents: readonly Incident[];
}

/** List of messages, the newest first. */
export function LastMessages({ messages, incidents }: LastMessagesProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const listed = messages.slice(-MAX_LISTED);
  const since = listed[0]?.at ?? Infinity;
  const lines = [
    ...listed.map((message) => ({ at: message.at, message })),
    ...incidents.filter(({ at }) => at >= since).map((incident) => ({ at: incident.at, incident })),
  ].sort((one, other) => other.at - one.at);
  return (
    <section class="last-messages">
      <div class="section">
        <h2>{texts.messages.title}</h2>
        <span class="quiet num">{texts.messages.shown(listed.length, messages.length)}</span>
      </div>
      {lines.length === 0 ? <p class="quiet">{texts.messages.none}</p> : (
        <ol>
          {lines.map((line, index) => (
            <li key={index}>
              {"message" in line ? <MessageLine message={line.message} /> : <IncidentLine incident={line.incident} />}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function MessageLine({ message: { at, payload, qos, isRetained } }: { readonly message: Message }) {
  const texts = useTranslated(LIVE_TEXTS);
  const format = useFormat();
  return (
    <div class="message">
      <time class="num" dateTime={new Date(at).toISOString()}>{format.clock(at)}</time>
      <bdi class="mono">
        {payload === null
          ? <i>{texts.binary}</i>
          : payload === ""
          ? <i>{texts.emptyPayload}</i>
          : visibleText(payload.slice(0, MAX_PREVIEW))}
      </bdi>
      <span class="num">{isRetained && `${texts.retained} · `}{texts.facts.qos} {qos}</span>
    </div>
  );
}
