/**
 * Buttons of the actions of one equipment that take no value, and of those that take a message.
 *
 * @module
 */
import { useId, useState } from "preact/hooks";
import { ButtonsLine } from "../../commands/buttons_line.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { useTranslated } from "../../context.tsx";
import type { JeedomControlProps } from "./action_line.tsx";
import type { Action } from "./rooms.ts";
import { JEEDOM_TEXTS } from "./texts.ts";
import { useAction } from "./use_action.tsx";

/** Buttons of actions. */
export function ActionButtons(
  { label, actions, connection, isOffline, onRan }: Omit<JeedomControlProps, "values" | "historyOf"> & {
    readonly label: string;
    readonly actions: readonly Action[];
  },
) {
  const { command: { run, news }, start, question } = useAction(connection, onRan);
  const [writing, setWriting] = useState<Action | undefined>(undefined);
  return (
    <>
      <ButtonsLine
        label={label}
        run={run}
        news={news}
        isDisabled={isOffline || run.kind === "sent"}
        buttons={actions.map((action) => ({
          id: String(action.id),
          label: action.name,
          onPress: () => action.subType === "message" ? setWriting(action) : start({ action }),
        }))}
      />
      {writing !== undefined && (
        <MessageDialog
          name={writing.name}
          onSend={(options) => {
            setWriting(undefined);
            start({ action: writing, options });
          }}
          onClose={() => setWriting(undefined)}
        />
      )}
      {question}
    </>
  );
}

/** Longest message, in characters. */
const MAX_MESSAGE = 2000;

/** Dialog for the title and the text of a message. */
function MessageDialog({ name, onSend, onClose }: {
  readonly name: string;
  readonly onSend: (options: Readonly<Record<"title" | "message", string>>) => void;
  readonly onClose: () => void;
}) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const id = useId();
  const [title, setTitle] = useState("");
  const [message, setMessage] = useState("");
  return (
    <Dialog title={name} onClose={onClose} class="narrow">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          onSend({ title, message });
        }}
      >
        <div class="form-field">
          <label for={`${id}-title`}>{texts.subject}</label>
          <input
            id={`${id}-title`}
            class="field"
            maxLength={MAX_MESSAGE}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </div>
        <div class="form-field">
          <label for={`${id}-message`}>{texts.message}</label>
          <textarea
            id={`${id}-message`}
            class="field"
            rows={3}
            required
            maxLength={MAX_MESSAGE}
            value={message}
            onInput={(event) => setMessage(event.currentTarget.value)}
          />
        </div>
        <div class="buttons">
          <button type="submit" class="button primary">{texts.send}</button>
        </div>
      </form>
    </Dialog>
  );
}
