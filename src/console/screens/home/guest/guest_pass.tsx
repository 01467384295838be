/**
 * Guest pass: one button, or the few that the guest may press.
 *
 * @module
 */
import { Empty } from "../../../components/empty.tsx";
import { useApp, useFormat, useTexts } from "../../../context.tsx";
import { ActionTile } from "../actions/action_tile.tsx";
import type { ActionsProps } from "../actions/actions.tsx";
import { Limits } from "./limits.tsx";
import { useEnd } from "./use_end.ts";

/** Actions of a guest; kind words once it cannot be run any more. */
export function GuestPass({ connection, list, isOffline, refresh }: ActionsProps) {
  const app = useApp();
  const texts = useTexts().guest;
  const format = useFormat();
  const expiresAt = connection.device.value?.expiresAt ?? connection.home.expiresAt;
  const hasExpired = useEnd(expiresAt);
  if (hasExpired || list.uses?.left === 0) {
    return (
      <Empty icon={hasExpired ? "clock" : "check"} title={hasExpired ? texts.expired : texts.usedUp}>
        <p>
          {hasExpired && expiresAt !== undefined
            ? texts.expiredLead(format.time(expiresAt, app.browser.now()))
            : texts.usedUpLead}
        </p>
        <button type="button" class="button plain" onClick={() => void app.forget(connection.home)}>
          {texts.forget}
        </button>
      </Empty>
    );
  }
  return (
    <div class="guest">
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
      <Limits uses={list.uses} expiresAt={expiresAt} />
    </div>
  );
}
