/**
 * One topic in detail: its newest value, chart, payload and last messages.
 *
 * @module
 */
import { Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../../components/icon.tsx";
import { useFormat, useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import { ChartSection } from "../chart/chart_section.tsx";
import type { LiveSession } from "../live_session.ts";
import { payloadBytes } from "../model/message.ts";
import type { Topic } from "../model/topic.ts";
import { MAX_LEVELS } from "../model/topic_tree.ts";
import { ageText, rateText } from "../rows/age.ts";
import type { Now } from "../rows/topic_rows.tsx";
import { LIVE_TEXTS } from "../texts.ts";
import { Fact } from "./fact.tsx";
import { LastMessages } from "./last_messages.tsx";
import { PayloadView } from "./payload_view.tsx";

/** Most characters of a value that is shown large. */
const MAX_HERO = 24;

/** Properties of the detail. */
export interface TopicDetailProps {
  /** Topic. */
  readonly topic: Topic;
  /** State of the screen. */
  readonly session: LiveSession;
  /** Time, which changes once a second. */
  readonly now: Now;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Topic in detail. */
export function TopicDetail({ topic, session, now, onClose }: TopicDetailProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const element = useRef<HTMLElement>(null);
  // Read, so that this component is drawn again with each new value.
  void session.versionOf(topic).value;
  const last = topic.messages.at(-1);
  useEffect(() => {
    // On a phone it opens above the rows.
    element.current?.scrollIntoView({ block: "start" });
  }, []);
  return (
    <article ref={element} class="live-detail" aria-label={visibleText(topic.name)}>
      <header>
        <TopicPath topic={topic} />
        <button type="button" class="round" aria-label={texts.back} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {!topic.isBinary && topic.preview.length <= MAX_HERO && (
        <p class="hero num">
          {topic.preview === "" ? <i>{texts.emptyPayload}</i> : <bdi>{topic.preview}</bdi>}
          {topic.unit !== "" && <small>{topic.unit}</small>}
        </p>
      )}
      <Facts topic={topic} now={now} />
      <ChartSection topic={topic} session={session} now={now} payload={last?.payload ?? null} />
      <PayloadView message={last} />
      <LastMessages
        messages={topic.messages}
        incidents={session.incidents.value.filter(({ service, topic: about }) =>
          service === topic.service && (about === undefined || about === topic.name)
        )}
      />
    </article>
  );
}

function TopicPath({ topic: { service, name } }: { readonly topic: Topic }) {
  const separator = service === "mqtt" ? "/" : ".";
  const all = name.split(separator);
  const levels = all.length <= MAX_LEVELS ? all : [name];
  // Each by itself: a level may be written from right to left.
  return (
    <p class="path mono">
      {levels.slice(0, -1).map((level, index) => (
        <Fragment key={index}>
          <bdi>{visibleText(level)}</bdi>
          {service === "mqtt" ? " / " : separator}
        </Fragment>
      ))}
      <b>
        <bdi>{visibleText(levels.at(-1) ?? "")}</bdi>
      </b>
    </p>
  );
}

function Facts({ topic, now }: { readonly topic: Topic; readonly now: Now }) {
  const texts = useTranslated(LIVE_TEXTS).facts;
  const { retained } = useTranslated(LIVE_TEXTS);
  const { perSecond } = useTranslated(LIVE_TEXTS);
  const format = useFormat();
  const time = now.value;
  const last = topic.messages.at(-1);
  const age = ageText(topic.at, { now: time, format });
  return (
    <dl class="numbers num">
      <Fact name={texts.age}>
        {topic.isRetained ? retained : age === undefined ? texts.now : texts.ago(age)}
      </Fact>
      <Fact name={texts.rate}>{perSecond(rateText(topic.rate.perSecond(time), format))}</Fact>
      <Fact name={texts.messages}>{format.number(topic.count)}</Fact>
      {last !== undefined && <Fact name={texts.size}>{texts.bytes(format.number(payloadBytes(last)))}</Fact>}
      {last !== undefined && <Fact name={texts.qos}>{last.qos}</Fact>}
    </dl>
  );
}
