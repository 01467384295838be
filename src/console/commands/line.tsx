/**
 * Line of a control: its name and the outcome of its last command, with the control beside or below.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import type { Run } from "./outcome.ts";

/** What all controls have. */
export interface ControlProps {
  /** Name, safe to show. */
  readonly label: string;
  /** Name of the device, safe to show, for screen readers; undefined where the label says it all. */
  readonly about?: string | undefined;
  /** Outcome of the last command. */
  readonly run: Run;
  /** Outcome in words; undefined while there is nothing to tell. */
  readonly news: string | undefined;
  /** True while nothing can be sent. */
  readonly isDisabled: boolean;
  /** Further control before its own, such as the button of its history. */
  readonly extra?: ComponentChildren;
}

/** Properties of a line. */
export interface LineProps extends Pick<ControlProps, "label" | "about" | "run" | "news" | "extra"> {
  /** Id of the control that the name is the label of; undefined for a group of controls. */
  readonly controlId?: string | undefined;
  /** Control at the end of the line. */
  readonly end?: ComponentChildren;
  /** Control below. */
  readonly children?: ComponentChildren;
}

/** Line of a control. */
export function Line({ label, about, run, news, extra, controlId, end, children }: LineProps) {
  const full = about === undefined ? label : `${label}, ${about}`;
  const name = (
    <>
      <bdi>{label}</bdi>
      {about !== undefined && <span class="visually-hidden">, {about}</span>}
    </>
  );
  return (
    <div class={`line ${run.kind}`} {...controlId === undefined ? { role: "group", "aria-label": full } : {}}>
      <div class="line-top">
        <span class="line-text">
          {controlId === undefined ? <span>{name}</span> : <label for={controlId}>{name}</label>}
          <span class="news" role="status">{news ?? ""}</span>
        </span>
        {extra}
        {end}
      </div>
      {children}
    </div>
  );
}
