/**
 * The whole page: one of its full-page states, or the navigation with a screen.
 *
 * @module
 */
import { useEffect } from "preact/hooks";
import { Navigation } from "./components/navigation.tsx";
import { Toasts } from "./components/toasts.tsx";
import type { Connection } from "./connection/connection.ts";
import { useApp, useTexts } from "./context.tsx";
import { homeId } from "./homes/home.ts";
import { KeyEnded } from "./homes/key_ended.tsx";
import { PairingScreen } from "./pairing/pairing_screen.tsx";
import { ScreenLoader } from "./screens/screen_loader.tsx";
import { screensFor } from "./screens/screens.ts";

/** Properties of the page. */
export interface PageProps {
  /** True if this device was paired before and lost its key. */
  readonly isLost: boolean;
}

/** The page. */
export function Page({ isLost }: PageProps) {
  const app = useApp();
  const { language } = app;
  const connection = app.connection.value;
  useEffect(() => {
    document.documentElement.lang = language.value;
  }, [language.value]);
  return (
    <>
      {app.pairing.value !== undefined || connection === undefined
        ? <PairingScreen isLost={isLost} />
        : <OpenHome key={homeId(connection.home)} connection={connection} />}
      <UpdateBar />
      <Toasts />
    </>
  );
}

function OpenHome({ connection }: { readonly connection: Connection }) {
  const app = useApp();
  const texts = useTexts().app;
  const screens = screensFor(connection.device.value);
  const route = app.route.value;
  const current = screens.find(({ id }) => id === route?.screen) ?? screens[0];
  if (current === undefined) return null;
  // A key that is gone can still be looked at and forgotten.
  const isEnded = connection.status.value.kind === "revoked" && current.id !== "device";
  return (
    <div class="layout">
      <a class="skip" href="#content" onClick={(event) => focusContent(event)}>{texts.skip}</a>
      <main id="content" tabIndex={-1}>
        {isEnded
          ? <KeyEnded connection={connection} />
          : <ScreenLoader key={current.id} screen={current} connection={connection} rest={route?.rest ?? []} />}
      </main>
      <Navigation screens={screens} current={current} home={connection.home} />
    </div>
  );
}

/** Moves the focus without changing the address, which names the screen. */
function focusContent(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function UpdateBar() {
  const update = useApp().update.value;
  const texts = useTexts().app;
  if (update === undefined) return null;
  return (
    <div class="update" role="status">
      <p>{texts.newVersion}</p>
      <button type="button" class="button primary small" onClick={update}>{texts.update}</button>
    </div>
  );
}
