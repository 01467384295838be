/**
 * Dialog that saves messages as a file.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Dialog } from "../../../components/dialog.tsx";
import { Icon } from "../../../components/icon.tsx";
import { Segments } from "../../../components/segments.tsx";
import { useApp, useTranslated } from "../../../context.tsx";
import type { LiveSession } from "../live_session.ts";
import type { Message } from "../model/message.ts";
import type { Topic } from "../model/topic.ts";
import type { TopicMatch } from "../rows/visible_rows.ts";
import { LIVE_TEXTS } from "../texts.ts";
import { type ExportFormat, exportLines, MEDIA_TYPES } from "./export_messages.ts";
import { saveFile } from "./save_file.ts";

/** Properties of the dialog. */
export interface ExportDialogProps {
  /** State of the screen. */
  readonly session: LiveSession;
  /** Topic that is shown in detail. */
  readonly topic: Topic | undefined;
  /** Returns whether a topic is shown; undefined where all are. */
  readonly matches: TopicMatch | undefined;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Dialog that saves messages. */
export function ExportDialog({ session, topic, matches, onClose }: ExportDialogProps) {
  const { now } = useApp().browser;
  const { exporting: texts, export: title } = useTranslated(LIVE_TEXTS);
  const [scope, setScope] = useState<"topic" | "all">(topic === undefined ? "all" : "topic");
  const [format, setFormat] = useState<ExportFormat>("jsonl");
  const messages = scope === "topic" && topic !== undefined ? topic.messages : shownMessages(session, matches);

  function save(): void {
    const time = new Date(now()).toISOString().slice(0, 19).replaceAll(":", "");
    saveFile(`messages-${time}.${format}`, exportLines(messages, format), MEDIA_TYPES[format]);
    onClose();
  }

  return (
    <Dialog title={title} onClose={onClose} class="narrow">
      <p>{texts.lead}</p>
      {topic !== undefined && (
        <Segments
          label={texts.scope}
          choices={["topic", "all"] as const}
          value={scope}
          text={(one) => texts[one]}
          onChoose={setScope}
        />
      )}
      <Segments
        label={texts.format}
        choices={["jsonl", "csv"] as const}
        value={format}
        text={(one) => one.toUpperCase()}
        onChoose={setFormat}
      />
      <div class="buttons">
        <p class="outcome num">{texts.count(messages.length)}</p>
        <button type="button" class="button primary" disabled={messages.length === 0} onClick={save}>
          <Icon name="download" />
          {texts.save}
        </button>
      </div>
    </Dialog>
  );
}

function shownMessages(
  { store }: LiveSession,
  matches: TopicMatch | undefined,
): readonly Message[] {
  const all = [...store.messages];
  return matches === undefined ? all : all.filter(({ service, topic }) => matches({ service, name: topic }));
}
