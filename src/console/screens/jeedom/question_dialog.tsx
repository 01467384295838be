/**
 * Questions before a run of Jeedom: for the text of a message, an access code, or a confirmation.
 *
 * @module
 */
import { useId, useState } from "preact/hooks";
import { Confirm } from "../../components/confirm.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { useTranslated } from "../../context.tsx";
import { JEEDOM_TEXTS } from "./texts.ts";

/** Question. */
export type Question = "message" | "code" | "confirmation" | "unknown";

/** Answers to questions. */
export interface Answers {
  /** Options of the action: the title and the text of a message. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  /** Access code. */
  readonly code?: string | undefined;
  /** True once it is confirmed. */
  readonly isConfirmed?: boolean | undefined;
}

/** Properties of the dialog. */
export interface QuestionDialogProps {
  /** Question. */
  readonly question: Question;
  /** Name of what is to run, safe to show. */
  readonly name: string;
  /** Called with the answer. */
  readonly onAnswer: (answers: Answers) => void;
  /** Called when it is closed. */
  readonly onClose: () => void;
}

/** Dialog with a question. */
export function QuestionDialog({ question, name, onAnswer, onClose }: QuestionDialogProps) {
  const texts = useTranslated(JEEDOM_TEXTS);
  if (question === "confirmation" || question === "unknown") {
    return (
      <Confirm
        title={name}
        question={question === "unknown" ? texts.confirmUnknown(name) : texts.confirm(name)}
        confirm={texts.run}
        onConfirm={() => onAnswer({ isConfirmed: true })}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog title={name} onClose={onClose} class="narrow">
      {question === "code"
        ? <CodeForm name={name} onCode={(code) => onAnswer({ code, isConfirmed: true })} />
        : <MessageForm onMessage={(options) => onAnswer({ options })} />}
    </Dialog>
  );
}

/** Form for an access code. */
function CodeForm({ name, onCode }: { readonly name: string; readonly onCode: (code: string) => void }) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const id = useId();
  const [code, setCode] = useState("");
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (code !== "") onCode(code);
      }}
    >
      <p>{texts.codeFor(name)}</p>
      <div class="form-field">
        <label for={id}>{texts.code}</label>
        <input
          id={id}
          class="field"
          type="password"
          autocomplete="off"
          required
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </div>
      <div class="buttons">
        <button type="submit" class="button primary">{texts.run}</button>
      </div>
    </form>
  );
}

/** Longest message, in characters. */
const MAX_MESSAGE = 2000;

/** Form for the title and the text of a message. */
function MessageForm({ onMessage }: { readonly onMessage: (options: Readonly<Record<string, string>>) => void }) {
  const texts = useTranslated(JEEDOM_TEXTS);
  const id = useId();
  const [title, setTitle] = useState("");
  const [message, setMessage] = useState("");
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        onMessage({ title, message });
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
  );
}
