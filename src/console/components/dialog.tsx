/**
 * Modal dialog. The browser keeps the focus inside and closes it with Escape.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useTexts } from "../context.tsx";
import { Icon } from "./icon.tsx";

/** Title and content of a dialog. */
export interface DialogProps {
  /** Title. */
  readonly title: string;
  /** Content. */
  readonly children: ComponentChildren;
  /** Called when it is closed in any way. */
  readonly onClose: () => void;
  /** Further class. */
  readonly class?: string | undefined;
}

/** Dialog that is open as long as it is rendered. */
export function Dialog({ title, children, onClose, class: more = "" }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const texts = useTexts().app;
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      // The browser gives the focus back only for a dialog that is still in the page.
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog ${more}`}
      aria-labelledby={id}
      // The event of closing may come much later on a busy device: until then, no button could open it again.
      onCancel={(event) => event.target === element.current && onClose()}
      // Its removal closes it as well, and the event may come when another dialog is open already.
      onClose={(event) => event.currentTarget.isConnected && onClose()}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="round" aria-label={texts.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
