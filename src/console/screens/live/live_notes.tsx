/**
 * Notes between the bar and the topics: all that keeps messages from the screen.
 *
 * @module
 */
import { useComputed } from "@preact/signals";
import { useTranslated } from "../../context.tsx";
import type { FilterText } from "./filter_text.ts";
import { Incidents } from "./incidents.tsx";
import type { LiveSession } from "./live_session.ts";
import type { Now } from "./rows/topic_rows.tsx";
import { LIVE_TEXTS } from "./texts.ts";

/** Id of the note that says why the filter cannot be used. */
export const FILTER_FAULT_ID = "filter-fault";

/** Properties of the notes. */
export interface LiveNotesProps {
  /** State of the screen. */
  readonly session: LiveSession;
  /** Time, at which the notes are up to date. */
  readonly now: Now;
  /** Filter that was entered. */
  readonly filter: FilterText;
  /** Message of the gateway that refuses the stream. */
  readonly refusal: string | undefined;
}

/** The notes. */
export function LiveNotes({ session, now, filter, refusal }: LiveNotesProps) {
  const texts = useTranslated(LIVE_TEXTS);
  const left = useComputed(() => (void now.value, session.store.left));
  const held = session.held.value;
  return (
    <div class="live-notes">
      {filter.kind === "refused" && <p id={FILTER_FAULT_ID} class="note bad" role="alert">{texts.refusedFilter}</p>}
      {filter.kind === "malformed" && <p id={FILTER_FAULT_ID} class="note bad" role="alert">{texts.malformedFilter}</p>}
      {refusal !== undefined && <p class="note bad" role="alert">{texts.refusedStream(refusal)}</p>}
      {left.value > 0 && <p class="note warn">{texts.left(left.value)}</p>}
      {session.isPaused.value && <p class="note calm num">{texts.held(held)}</p>}
      <Incidents session={session} />
    </div>
  );
}
