/**
 * Bar above the topics: filter, view, pause, export and publish.
 *
 * @module
 */
import { Icon } from "../../components/icon.tsx";
import { SearchField } from "../../components/search_field.tsx";
import { Segments } from "../../components/segments.tsx";
import { useTranslated } from "../../context.tsx";
import { FILTER_FAULT_ID } from "./live_notes.tsx";
import type { LiveSession } from "./live_session.ts";
import { LIVE_TEXTS } from "./texts.ts";

const VIEWS = ["tree", "list"] as const;

/** Form in which the topics are shown. */
export type LiveView = (typeof VIEWS)[number];

/** Properties of the bar. */
export interface LiveBarProps {
  /** State of the screen. */
  readonly session: LiveSession;
  /** Text of the filter field, and whether it is a filter that cannot be used. */
  readonly filter: { readonly text: string; readonly isFaulty: boolean };
  /** Number of topics that are shown. */
  readonly topics: number;
  /** Form in which they are shown. */
  readonly view: LiveView;
  /** Called with each new text of the filter field. */
  readonly onFilter: (text: string) => void;
  /** Called with another form. */
  readonly onView: (view: LiveView) => void;
  /** Called to export messages. */
  readonly onExport: () => void;
  /** Called to publish a message; undefined for a key that may not. */
  readonly onPublish: (() => void) | undefined;
}

/** The bar. */
export function LiveBar({ session, filter, topics, view, onFilter, onView, onExport, onPublish }: LiveBarProps) {
  const texts = useTranslated(LIVE_TEXTS);
  return (
    <div class="live-bar">
      <SearchField
        label={texts.filter}
        value={filter.text}
        found={texts.topics(topics)}
        isFoundAnnounced={false}
        placeholder={texts.filterHint}
        faultId={filter.isFaulty ? FILTER_FAULT_ID : undefined}
        onSearch={onFilter}
      />
      <Segments label={texts.view} choices={VIEWS} value={view} text={(one) => texts[one]} onChoose={onView} />
      <div class="live-buttons">
        <PauseButton session={session} />
        <button type="button" class="button plain small" onClick={onExport}>
          <Icon name="download" />
          {texts.export}
        </button>
        {onPublish !== undefined && (
          <button type="button" class="button plain small" onClick={onPublish}>
            <Icon name="send" />
            {texts.publish}
          </button>
        )}
      </div>
    </div>
  );
}

function PauseButton({ session }: { readonly session: LiveSession }) {
  const texts = useTranslated(LIVE_TEXTS);
  const isPaused = session.isPaused.value;
  return (
    <button
      type="button"
      class={`button small ${isPaused ? "primary" : "plain"}`}
      aria-pressed={isPaused}
      onClick={() => isPaused ? session.resume() : session.pause()}
    >
      <Icon name={isPaused ? "play" : "pause"} />
      {isPaused ? texts.resume : texts.pause}
    </button>
  );
}
