/**
 * Short messages at the edge of the page, also for screen readers.
 *
 * @module
 */
import { useEffect } from "preact/hooks";
import { useApp, useTexts } from "../context.tsx";
import type { Notice } from "../app.ts";
import { Icon } from "./icon.tsx";

/** Time for which a message is shown, in milliseconds: for long ones, as long as it takes to read them. */
function durationOf({ text }: Notice): number {
  return 4000 + text.length * 60;
}

/** All messages. The region is always there, so that screen readers hear what comes into it. */
export function Toasts() {
  const app = useApp();
  return (
    <div class="toasts" role="status" aria-live="polite">
      {app.notices.value.map((notice) => (
        <Toast
          key={notice.id}
          notice={notice}
          onDismiss={() => app.dismiss(notice.id)}
        />
      ))}
    </div>
  );
}

function Toast({ notice, onDismiss }: { readonly notice: Notice; readonly onDismiss: () => void }) {
  const texts = useTexts().app;
  useEffect(() => {
    if (notice.isLasting) return;
    const timer = setTimeout(onDismiss, durationOf(notice));
    return () => clearTimeout(timer);
  }, [notice.id]);
  return (
    <div class="toast">
      <p>{notice.text}</p>
      <button type="button" class="round" aria-label={texts.close} onClick={onDismiss}>
        <Icon name="close" />
      </button>
    </div>
  );
}
