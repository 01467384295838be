/**
 * Empty state: says why there is nothing, and what to do.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";
import type { IconName } from "./icons.ts";

/** Content of an empty state. */
export interface EmptyProps {
  /** Icon. */
  readonly icon: IconName;
  /** What is missing. */
  readonly title: string;
  /** What to do. */
  readonly children?: ComponentChildren;
}

/** Empty state. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <span class={icon === "warning" ? "badge heat" : "badge"}>
        <Icon name={icon} />
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
