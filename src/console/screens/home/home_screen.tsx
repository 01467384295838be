/**
 * Screen of actions and pinned values.
 *
 * @module
 */
import { ScreenFrame } from "../../components/screen_frame.tsx";
import { Empty } from "../../components/empty.tsx";
import { useTexts } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { Actions } from "./actions/actions.tsx";
import { useActions } from "./actions/use_actions.ts";
import { isGuest } from "./guest/guest.ts";
import { GuestPass } from "./guest/guest_pass.tsx";
import { Pins } from "./pins/pins.tsx";

/** The first screen. */
export function HomeScreen({ connection }: ScreenProps) {
  const texts = useTexts().home;
  const known = useActions(connection);
  const device = connection.device.value;
  const { kind } = connection.status.value;
  const props = { connection, ...known, isOffline: kind === "offline" };
  if (known.list !== undefined && isGuest(device, known.list)) {
    return (
      <ScreenFrame title={visibleText(connection.home.name)} connection={connection}>
        <GuestPass {...props} list={known.list} />
      </ScreenFrame>
    );
  }
  return (
    <ScreenFrame title={texts.title} connection={connection}>
      {known.isUnreadable && <p class="alert" role="alert">{texts.unreadable}</p>}
      {known.list === undefined
        ? kind === "offline" ? <Empty icon="offline" title={texts.offline} /> : <Skeleton label={texts.loading} />
        : <Actions {...props} list={known.list} />}
      <Pins connection={connection} />
    </ScreenFrame>
  );
}

/** Shape of the tiles until they are known. */
function Skeleton({ label }: { readonly label: string }) {
  return (
    <div class="actions">
      <p class="visually-hidden" role="status">{label}</p>
      {[0, 1, 2].map((index) => <div key={index} class="tile skeleton" aria-hidden="true" />)}
    </div>
  );
}
