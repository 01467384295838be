/**
 * Content of one row. It reads the signal of its topic, so that a message updates this row and no other.
 *
 * @module
 */
import type { ReadonlySignal } from "@preact/signals";
import { Icon } from "../../../components/icon.tsx";
import { useFormat, useTranslated } from "../../../context.tsx";
import { visibleText } from "../../../text/visible.ts";
import type { LiveSession } from "../live_session.ts";
import type { Topic } from "../model/topic.ts";
import { LIVE_TEXTS } from "../texts.ts";
import { ageText, rateText } from "./age.ts";
import type { TopicRow } from "./visible_rows.ts";

/** Properties of a row's content. */
export interface RowContentProps {
  /** Row. */
  readonly row: TopicRow;
  /** Tree or list. */
  readonly view: "tree" | "list";
  /** State of the screen. */
  readonly session: LiveSession;
  /** Time, which changes once a second. */
  readonly now: ReadonlySignal<number>;
}

/** Content of a row. */
export function RowContent({ row, view, session, now }: RowContentProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const { node, isOpen, topics } = row;
  const name = view === "list" ? node.topic?.name ?? "" : node.name;
  return (
    <>
      {isOpen !== undefined && (
        <span class={isOpen ? "fold open" : "fold"}>
          <Icon name="chevron" />
        </span>
      )}
      <bdi class={node.isBranch && view === "tree" ? "name branch" : "name"}>
        {name === "" ? <i>{texts.emptyLevel}</i> : visibleText(name)}
      </bdi>
      {node.topic === undefined
        ? <span class="count num">{topics}</span>
        : <Value topic={node.topic} session={session} now={now} />}
    </>
  );
}

/** Rate from which a row shows it in place of the age, in messages per second. */
const SHOWN_RATE = 1;

function Value({ topic, session, now }: { readonly topic: Topic } & Pick<RowContentProps, "session" | "now">) {
  const texts = useTranslated(LIVE_TEXTS);
  const format = useFormat();
  // Read, so that this component is drawn again with each new value.
  void session.versionOf(topic).value;
  const time = now.value;
  const rate = topic.rate.perSecond(time);
  const age = ageText(topic.at, { now: time, format });
  return (
    <>
      <span class="row-value num">
        {topic.isBinary
          ? <i>{texts.binary}</i>
          : topic.preview === ""
          ? <i>{texts.emptyPayload}</i>
          : <bdi>{topic.preview}</bdi>}
        {topic.unit !== "" && <small>{topic.unit}</small>}
      </span>
      <span class="row-facts num">
        {rate >= SHOWN_RATE && <span class="rate">{texts.perSecond(rateText(rate, format))}</span>}
        {topic.isRetained
          ? <span class="retained">{texts.retained}</span>
          : rate < SHOWN_RATE && <span>{age ?? texts.facts.now}</span>}
      </span>
    </>
  );
}
