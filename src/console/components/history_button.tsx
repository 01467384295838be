/**
 * Button that shows the past of a value.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { useTranslated } from "../context.tsx";
import { HistoryDialog, type HistoryDialogProps } from "./history_dialog.tsx";
import { HISTORY_TEXTS } from "./history_texts.ts";
import { Icon } from "./icon.tsx";

/** Round button with the icon of a chart. */
export function HistoryButton(props: Omit<HistoryDialogProps, "onClose">) {
  const texts = useTranslated(HISTORY_TEXTS);
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class="round history-button"
        aria-label={texts.open(props.title)}
        onClick={() => setIsOpen(true)}
      >
        <Icon name="chart" />
      </button>
      {isOpen && <HistoryDialog {...props} onClose={() => setIsOpen(false)} />}
    </>
  );
}
