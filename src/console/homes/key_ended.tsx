/**
 * Screen of a home whose key the gateway does not accept any more.
 *
 * @module
 */
import { Empty } from "../components/empty.tsx";
import { ScreenFrame } from "../components/screen_frame.tsx";
import type { Connection } from "../connection/connection.ts";
import { useApp, useFormat, useTexts } from "../context.tsx";
import { visibleText } from "../text/visible.ts";

/** Says that the key has expired, or that it was removed, and offers to pair again. */
export function KeyEnded({ connection }: { readonly connection: Connection }) {
  const app = useApp();
  const texts = useTexts();
  const format = useFormat();
  const { home } = connection;
  const now = app.browser.now();
  const expiresAt = connection.device.value?.expiresAt ?? home.expiresAt;
  const hasExpired = expiresAt !== undefined && expiresAt <= now;
  return (
    <ScreenFrame title={visibleText(home.name)} connection={connection}>
      {hasExpired
        ? (
          <Empty icon="clock" title={texts.guest.expired}>
            <p>{texts.guest.expiredLead(format.time(expiresAt, now))}</p>
            <button type="button" class="button primary" onClick={() => void app.forget(home)}>
              {texts.guest.forget}
            </button>
          </Empty>
        )
        : (
          <Empty icon="key" title={texts.revoked.title}>
            <p>{texts.revoked.lead}</p>
            <div class="buttons">
              <button type="button" class="button plain" onClick={() => void app.forget(home)}>
                {texts.guest.forget}
              </button>
              <button type="button" class="button plain" onClick={() => void connection.check()}>
                {texts.revoked.check}
              </button>
              <button type="button" class="button primary" onClick={() => app.startPairing()}>
                {texts.revoked.pairAgain}
              </button>
            </div>
          </Empty>
        )}
    </ScreenFrame>
  );
}
