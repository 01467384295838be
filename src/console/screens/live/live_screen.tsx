/**
 * Screen of topics and entities with their newest values.
 *
 * @module
 */
import { useComputed } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { Empty } from "../../components/empty.tsx";
import { Icon } from "../../components/icon.tsx";
import { ScreenFrame } from "../../components/screen_frame.tsx";
import { readableEntities, readableTopics } from "../../connection/device_info.ts";
import { matchesFilter } from "../../connection/topic_match.ts";
import { useFormat, useTranslated } from "../../context.tsx";
import type { ScreenProps } from "../screen.ts";
import { TopicDetail } from "./detail/topic_detail.tsx";
import { ExportDialog } from "./export/export_dialog.tsx";
import { type FilterText, parseFilterText } from "./filter_text.ts";
import { Incidents } from "./incidents.tsx";
import type { LiveSession } from "./live_session.ts";
import type { TopicNode } from "./model/topic_tree.ts";
import { publishableTopics } from "./publish/publishable.ts";
import { PublishDialog } from "./publish/publish_dialog.tsx";
import { rateText } from "./rows/age.ts";
import { type Now, TopicRows } from "./rows/topic_rows.tsx";
import { isAbove, isOpenAtFirst, listRows, type TopicMatch, treeRows } from "./rows/visible_rows.ts";
import { LIVE_TEXTS } from "./texts.ts";
import { useLiveSession, useNow, useStreams } from "./use_live.ts";
import { useSettled } from "./use_settled.ts";

/** The screen. */
export function LiveScreen({ connection }: ScreenProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const session = useLiveSession(connection);
  const now = useNow();
  const device = connection.device.value;
  const granted = device === undefined ? [] : readableTopics(device);
  const [text, setText] = useState("");
  const filter = parseFilterText(text, granted);
  // While a filter is typed, the stream stays as it is.
  const settled = useSettled(text);
  const settledFilter = parseFilterText(settled, granted);
  const refusal = useStreams(session, {
    connection,
    filters: {
      mqtt: settledFilter.kind === "filter" ? [settledFilter.filter] : granted,
      home_assistant: settledFilter.kind === "filter" || device === undefined ? [] : readableEntities(device),
    },
  });
  const [view, setView] = useState<"tree" | "list">("tree");
  const [folds, setFolds] = useState<ReadonlyMap<TopicNode, boolean>>(new Map());
  const [chosen, setChosen] = useState<TopicNode | undefined>(undefined);
  const [dialog, setDialog] = useState<"export" | "publish" | undefined>(undefined);

  const structure = session.structure.value;
  const matches = useMemo(() => matcherOf(filter), [text, granted.join("\n")]);
  const rows = useMemo(() => {
    const { root } = session.store.tree;
    if (view === "list") return listRows(root, { matches });
    const isOpenAnyway = (node: TopicNode) => matches !== undefined || isOpenAtFirst(node) || isAbove(node, chosen);
    return treeRows(root, { matches, isOpen: (node) => folds.get(node) ?? isOpenAnyway(node) });
  }, [session, structure, view, matches, folds, chosen]);
  const shownTopics = useMemo(
    () => view === "list" ? rows.length : rows.reduce((sum, { level, topics }) => level === 1 ? sum + topics : sum, 0),
    [rows, view],
  );

  const fold = (node: TopicNode, isOpen: boolean) => setFolds(new Map([...folds, [node, isOpen]]));
  const mayPublish = device !== undefined && publishableTopics(device).length > 0;
  return (
    <ScreenFrame title={texts.title} connection={connection}>
      <div class="live-view">
        <div class="live-bar">
          <FilterField text={text} filter={filter} topics={shownTopics} onText={setText} />
          <div class="segments" role="group" aria-label={texts.view}>
            {(["tree", "list"] as const).map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={view === one}
                onClick={() => setView(one)}
              >
                {texts[one]}
              </button>
            ))}
          </div>
          <div class="live-buttons">
            <PauseButton session={session} />
            <button type="button" class="button plain small" onClick={() => setDialog("export")}>
              <Icon name="download" />
              {texts.export}
            </button>
            {mayPublish && (
              <button type="button" class="button plain small" onClick={() => setDialog("publish")}>
                <Icon name="send" />
                {texts.publish}
              </button>
            )}
          </div>
        </div>
        <Notes session={session} now={now} filter={filter} refusal={refusal.value} />
        <section class="live-topics" aria-label={texts.title}>
          {rows.length > 0
            ? (
              <TopicRows
                view={view}
                label={texts.title}
                rows={rows}
                chosen={chosen}
                onChoose={setChosen}
                onFold={fold}
                session={session}
                now={now}
              />
            )
            : session.store.size === 0 && connection.status.value.kind === "offline"
            ? (
              <Empty icon="offline" title={texts.offline}>
                <p>{texts.offlineHow}</p>
              </Empty>
            )
            : session.store.size === 0
            ? (
              <Empty icon="live" title={texts.waiting}>
                <p>{texts.waitingHow}</p>
              </Empty>
            )
            : (
              <Empty icon="search" title={texts.nothing}>
                <p>{texts.nothingHow}</p>
              </Empty>
            )}
          <Total session={session} now={now} topics={shownTopics} />
        </section>
        {chosen?.topic === undefined
          ? (
            <div class="live-detail none">
              <Empty icon="live" title={texts.choose}>
                <p>{texts.chooseHow}</p>
              </Empty>
            </div>
          )
          : (
            <TopicDetail
              key={chosen.id}
              topic={chosen.topic}
              session={session}
              now={now}
              onClose={() => setChosen(undefined)}
            />
          )}
      </div>
      {dialog === "export" && (
        <ExportDialog
          session={session}
          topic={chosen?.topic}
          matches={matches}
          onClose={() => setDialog(undefined)}
        />
      )}
      {dialog === "publish" && device !== undefined && (
        <PublishDialog
          connection={connection}
          granted={publishableTopics(device)}
          topic={chosen?.topic?.service === "mqtt" ? chosen.topic.name : ""}
          onClose={() => setDialog(undefined)}
        />
      )}
    </ScreenFrame>
  );
}

/** Returns what tells whether a topic is shown; undefined where all are. */
function matcherOf(filter: FilterText): TopicMatch | undefined {
  if (filter.kind === "filter") return ({ service, name }) => service === "mqtt" && matchesFilter(filter.filter, name);
  if (filter.kind !== "words" || filter.words.length === 0) return undefined;
  return ({ name }) => {
    const text = name.toLowerCase();
    return filter.words.every((word) => text.includes(word));
  };
}

interface FilterFieldProps {
  readonly text: string;
  readonly filter: FilterText;
  readonly topics: number;
  readonly onText: (text: string) => void;
}

function FilterField({ text, filter, topics, onText }: FilterFieldProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const isFaulty = filter.kind === "refused" || filter.kind === "malformed";
  return (
    <label class="find">
      <Icon name="search" />
      <span class="visually-hidden">{texts.filter}</span>
      <input
        type="search"
        placeholder={texts.filterHint}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={text}
        aria-invalid={isFaulty}
        aria-describedby={isFaulty ? "filter-fault" : undefined}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <span class="num">{texts.topics(topics)}</span>
    </label>
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

interface NotesProps {
  readonly session: LiveSession;
  readonly now: Now;
  readonly filter: FilterText;
  readonly refusal: string | undefined;
}

/** What stands between the stream and the screen: nothing of it is hidden. */
function Notes({ session, now, filter, refusal }: NotesProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const left = useComputed(() => (void now.value, session.store.left));
  const held = session.held.value;
  return (
    <div class="live-notes">
      {filter.kind === "refused" && <p id="filter-fault" class="note bad" role="alert">{texts.refusedFilter}</p>}
      {filter.kind === "malformed" && <p id="filter-fault" class="note bad" role="alert">{texts.malformedFilter}</p>}
      {refusal !== undefined && <p class="note bad" role="alert">{texts.refusedStream(refusal)}</p>}
      {left.value > 0 && <p class="note warn">{texts.left(left.value)}</p>}
      {session.isPaused.value && <p class="note calm num">{texts.held(held)}</p>}
      <Incidents session={session} />
    </div>
  );
}

interface TotalProps {
  readonly session: LiveSession;
  readonly now: Now;
  readonly topics: number;
}

function Total({ session, now, topics }: TotalProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const format = useFormat();
  void now.value;
  return (
    <p class="live-total num">
      <span>{texts.topics(topics)}</span>
      <span class="live-rate">{texts.perSecond(rateText(session.perSecond(), format))}</span>
    </p>
  );
}
