/**
 * Frame of a screen: its title, the status of the connection, its content.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Connection } from "../connection/connection.ts";
import { StatusPill } from "./status_pill.tsx";

/** Properties of a frame. */
export interface ScreenFrameProps {
  /** Title of the screen, its only heading of the first level. */
  readonly title: string;
  /** Connection whose status is shown. */
  readonly connection: Connection;
  /** Content. */
  readonly children: ComponentChildren;
}

/** Frame of a screen; also the title of the browser's window. */
export function ScreenFrame({ title, connection, children }: ScreenFrameProps) {
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <div class="screen">
      <header class="head">
        <h1>{title}</h1>
        <StatusPill status={connection.status.value} />
      </header>
      {children}
    </div>
  );
}
