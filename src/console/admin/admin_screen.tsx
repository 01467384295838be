/**
 * Frame of a screen of the Admin page.
 *
 * @module
 */
import type { ComponentChildren } from "preact";

/** Properties of a frame. */
export interface AdminScreenProps {
  /** Title, its only heading of the first level. */
  readonly title: string;
  /** Buttons beside it. */
  readonly buttons?: ComponentChildren;
  /** Content. */
  readonly children: ComponentChildren;
}

/** Frame of a screen: its title, its buttons, its content. */
export function AdminScreen({ title, buttons, children }: AdminScreenProps) {
  return (
    <div class="screen">
      <header class="head">
        <h1>{title}</h1>
        {buttons !== undefined && <div class="buttons">{buttons}</div>}
      </header>
      {children}
    </div>
  );
}
