/**
 * Question before something that cannot be taken back.
 *
 * @module
 */
import { useTexts } from "../context.tsx";
import { Dialog } from "./dialog.tsx";

/** Question and its answers. */
export interface ConfirmProps {
  /** Title. */
  readonly title: string;
  /** Question. */
  readonly question: string;
  /** Text of the button that confirms. */
  readonly confirm: string;
  /** True where something is destroyed. */
  readonly isDanger?: boolean | undefined;
  /** Called when it is confirmed. */
  readonly onConfirm: () => void;
  /** Called when the dialog is closed in any way. */
  readonly onClose: () => void;
}

/** Dialog with a question. */
export function Confirm({ title, question, confirm, isDanger = false, onConfirm, onClose }: ConfirmProps) {
  const texts = useTexts().app;
  return (
    <Dialog title={title} onClose={onClose} class="narrow">
      <p>{question}</p>
      <div class="buttons">
        {/* An address of another page can open a question: what is typed then must not answer it. */}
        <button type="button" class="button plain" autofocus onClick={onClose}>{texts.cancel}</button>
        <button
          type="button"
          class={`button ${isDanger ? "danger" : "primary"}`}
          onClick={() => {
            onClose();
            onConfirm();
          }}
        >
          {confirm}
        </button>
      </div>
    </Dialog>
  );
}
