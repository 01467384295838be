/**
 * Dialog that publishes a message.
 *
 * @module
 */
import { useId, useState } from "preact/hooks";
import { Dialog } from "../../../components/dialog.tsx";
import { Icon } from "../../../components/icon.tsx";
import { Segments } from "../../../components/segments.tsx";
import { Switch } from "../../../components/switch.tsx";
import type { Connection } from "../../../connection/connection.ts";
import { useTexts, useTranslated } from "../../../context.tsx";
import { outcomeOf, type Run } from "../../../commands/outcome.ts";
import { LIVE_TEXTS, type LiveTexts } from "../texts.ts";
import { topicFaultOf } from "./topic_fault.ts";

/** Quality of service. */
type Qos = 0 | 1 | 2;

/** Properties of the dialog. */
export interface PublishDialogProps {
  /** Connection to the home. */
  readonly connection: Connection;
  /** Topic filters that the key may publish below. */
  readonly granted: readonly string[];
  /** Topic to begin with. */
  readonly topic: string;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Dialog that publishes. It stays open, so that the outcome can be read and the next message sent. */
export function PublishDialog({ connection, granted, topic: first, onClose }: PublishDialogProps) {
  const texts = useTranslated(LIVE_TEXTS).publishing;
  const id = useId();
  const [topic, setTopic] = useState(first);
  const [message, setMessage] = useState("");
  const [qos, setQos] = useState<Qos>(1);
  const [retain, setRetain] = useState(false);
  const [run, setRun] = useState<Run & { readonly qos?: Qos }>({ kind: "idle" });
  const fault = topicFaultOf(topic, granted);

  async function publish(): Promise<void> {
    if (fault !== undefined || run.kind === "sent") return;
    setRun({ kind: "sent" });
    try {
      const request = { service: "mqtt", topic, message, qos, retain };
      await connection.request(request, (client) => client.publish(topic, message, { qos, retain }));
      setRun({ kind: "done", qos });
    } catch (error) {
      setRun(outcomeOf(error, { isOnline: navigator.onLine, usesLeft: undefined }));
    }
  }

  return (
    <Dialog title={texts.title} onClose={onClose}>
      <form
        class="form publish"
        onSubmit={(event) => {
          event.preventDefault();
          void publish();
        }}
      >
        <div class="form-field">
          <label for={`${id}-topic`}>{texts.topic}</label>
          <input
            id={`${id}-topic`}
            class="field mono"
            type="text"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            value={topic}
            aria-invalid={topic !== "" && fault !== undefined}
            aria-describedby={`${id}-fault`}
            onInput={(event) => setTopic(event.currentTarget.value)}
          />
          <p id={`${id}-fault`} class="fault" role="status">{topic !== "" && fault !== undefined && texts[fault]}</p>
        </div>
        <div class="form-field">
          <label for={`${id}-message`}>{texts.message}</label>
          <textarea
            id={`${id}-message`}
            class="field mono"
            rows={4}
            spellcheck={false}
            value={message}
            onInput={(event) => setMessage(event.currentTarget.value)}
          />
        </div>
        <div class="form-row">
          <span id={`${id}-qos`} class="form-label">{texts.qos}</span>
          <Segments labelledBy={`${id}-qos`} choices={[0, 1, 2] as const} value={qos} text={String} onChoose={setQos} />
        </div>
        <div class="form-row">
          <div>
            <label for={`${id}-retain`}>{texts.retain}</label>
            <p id={`${id}-how`} class="quiet">{texts.retainHow}</p>
          </div>
          <Switch id={`${id}-retain`} isOn={retain} describedBy={`${id}-how`} onSwitch={setRetain} />
        </div>
        <div class="buttons">
          <p class={`outcome ${run.kind}`} role="status">
            <Outcome run={run} texts={texts} />
          </p>
          <button type="submit" class="button primary" disabled={fault !== undefined || run.kind === "sent"}>
            <Icon name="send" />
            {texts.send}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Outcome of the last message in words. */
function Outcome(
  { run, texts }: { readonly run: Run & { readonly qos?: Qos }; readonly texts: LiveTexts["publishing"] },
) {
  const home = useTexts().home;
  switch (run.kind) {
    case "idle":
      return null;
    case "done":
      return <>{run.qos === 0 ? texts.sentOnly : texts.acknowledged}</>;
    case "failed":
      return <>{home.failures[run.reason]}</>;
    default:
      return <>{home[run.kind]}</>;
  }
}
