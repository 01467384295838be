/**
 * Screen of topics and entities with their newest values.
 *
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import { Empty } from "../../components/empty.tsx";
import { ScreenFrame } from "../../components/screen_frame.tsx";
import { publishableTopics, readableEntities, readableTopics } from "../../connection/device_info.ts";
import { useFormat, useTranslated } from "../../context.tsx";
import type { ScreenProps } from "../screen.ts";
import { TopicDetail } from "./detail/topic_detail.tsx";
import { ExportDialog } from "./export/export_dialog.tsx";
import { isFaulty, parseFilterText, topicMatch } from "./filter_text.ts";
import { LiveBar, type LiveView } from "./live_bar.tsx";
import { LiveNotes } from "./live_notes.tsx";
import type { LiveSession } from "./live_session.ts";
import type { TopicNode } from "./model/topic_tree.ts";
import { PublishDialog } from "./publish/publish_dialog.tsx";
import { rateText } from "./rows/age.ts";
import { type Now, TopicRows } from "./rows/topic_rows.tsx";
import { isAbove, isOpenAtFirst, listRows, treeRows } from "./rows/visible_rows.ts";
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
  const [view, setView] = useState<LiveView>("tree");
  const [folds, setFolds] = useState<ReadonlyMap<TopicNode, boolean>>(new Map());
  const [chosen, setChosen] = useState<TopicNode | undefined>(undefined);
  const [dialog, setDialog] = useState<"export" | "publish" | undefined>(undefined);

  const structure = session.structure.value;
  const matches = useMemo(() => topicMatch(filter), [text, granted.join("\n")]);
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
        <LiveBar
          session={session}
          filter={{ text, isFaulty: isFaulty(filter) }}
          topics={shownTopics}
          view={view}
          onFilter={setText}
          onView={setView}
          onExport={() => setDialog("export")}
          onPublish={mayPublish ? () => setDialog("publish") : undefined}
        />
        <LiveNotes session={session} now={now} filter={filter} refusal={refusal.value} />
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
