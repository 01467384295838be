/**
 * Tiles of all actions.
 *
 * @module
 */
import { Empty } from "../../../components/empty.tsx";
import type { Connection } from "../../../connection/connection.ts";
import { useTexts } from "../../../context.tsx";
import type { ActionList } from "./action_list.ts";
import { ActionTile } from "./action_tile.tsx";
import { Limits } from "../guest/limits.tsx";

/** Properties of the tiles. */
export interface ActionsProps {
  /** Connection to the home. */
  readonly connection: Connection;
  /** Actions. */
  readonly list: ActionList;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
  /** Asks for the states at once. */
  readonly refresh: () => void;
}

/** Tiles of all actions, and how often the key may still run them. */
export function Actions({ connection, list, isOffline, refresh }: ActionsProps) {
  const texts = useTexts().home;
  const device = connection.device.value;
  if (list.actions.length === 0) {
    return (
      <Empty icon="bolt" title={texts.noActions}>
        <p>{texts.noActionsHow}</p>
        <pre class="command"><code>{texts.noActionsCommand(connection.home.name)}</code></pre>
      </Empty>
    );
  }
  return (
    <section aria-label={texts.title}>
      <Limits uses={list.uses} expiresAt={device?.expiresAt ?? connection.home.expiresAt} />
      <div class={`actions of-${Math.min(list.actions.length, 3)}`}>
        {list.actions.map((action) => (
          <ActionTile
            key={action.name}
            connection={connection}
            action={action}
            uses={list.uses}
            isOffline={isOffline}
            isAlone={list.actions.length === 1}
            onRan={refresh}
          />
        ))}
      </div>
    </section>
  );
}
