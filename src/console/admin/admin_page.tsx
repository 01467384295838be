/**
 * The Admin page: navigation and one of its screens, or the reason why it shows nothing.
 *
 * @module
 */
import type { Observable } from "../observable.ts";
import { useEffect } from "preact/hooks";
import { Icon } from "../components/icon.tsx";
import type { IconName } from "../components/icons.ts";
import { useTexts } from "../context.tsx";
import { useAdmin } from "./admin_context.tsx";
import { useAdminTexts } from "./admin_texts.ts";
import { ChecksScreen } from "./checks_screen.tsx";
import { DevicesScreen } from "./devices_screen.tsx";
import { RefusalsScreen } from "./refusals_screen.tsx";

const SCREENS = [
  { id: "devices", icon: "device", Component: DevicesScreen },
  { id: "checks", icon: "shield", Component: ChecksScreen },
  { id: "refusals", icon: "warning", Component: RefusalsScreen },
] as const satisfies readonly { readonly id: string; readonly icon: IconName; readonly Component: unknown }[];

/** The page; `route` is the fragment of its address. */
export function AdminPage({ route }: { readonly route: Observable<string> }) {
  const state = useAdmin();
  const texts = useAdminTexts();
  const common = useTexts().app;
  const current = SCREENS.find(({ id }) => `#/${id}` === route.value) ?? SCREENS[0];
  const title = texts.screens[current.id];
  useEffect(() => {
    document.title = `${title} · ${texts.title}`;
  }, [title]);
  if (state.stopped.value !== undefined) return <StoppedPage />;
  return (
    <div class="layout">
      <main id="content" tabIndex={-1}>
        {state.list.value === undefined
          ? <p class="loading" role="status">{common.loading}</p>
          : <current.Component key={current.id} />}
      </main>
      <nav class="nav" aria-label={common.screens}>
        <div class="brand">
          <Icon name="lock" />
          {texts.title}
        </div>
        <ul>
          {SCREENS.map(({ id, icon }) => (
            <li key={id}>
              <a href={`#/${id}`} aria-current={id === current.id ? "page" : undefined}>
                <Icon name={icon} />
                <span class="label">{texts.screens[id]}</span>
              </a>
            </li>
          ))}
        </ul>
        <div class="seal">
          <Icon name="home" />
          <p>
            <b>{texts.local}</b>
            {texts.localLead}
          </p>
        </div>
      </nav>
      <Notice />
    </div>
  );
}

function StoppedPage() {
  const state = useAdmin();
  const texts = useAdminTexts().stopped[state.stopped.value ?? "token"];
  const retry = useTexts().app.retry;
  return (
    <main class="welcome">
      <div class="welcome-card">
        <span class={state.stopped.value === "token" ? "badge large" : "badge large heat"}>
          <Icon name={state.stopped.value === "token" ? "lock" : "offline"} />
        </span>
        <h1>{texts.title}</h1>
        <p class="lead">{texts.lead}</p>
        {texts.command !== "" && <code class="command">{texts.command}</code>}
        <button
          type="button"
          class="button primary"
          onClick={() => state.stopped.value === "version" ? location.reload() : void state.load()}
        >
          {retry}
        </button>
      </div>
    </main>
  );
}

/** Message about the last change. The region is always there, so that screen readers hear it. */
function Notice() {
  const { notice } = useAdmin();
  const text = notice.value;
  useEffect(() => {
    if (text === "") return;
    const timer = setTimeout(() => notice.value = "", 4000 + text.length * 60);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {text !== "" && (
        <div class="toast">
          <p>{text}</p>
        </div>
      )}
    </div>
  );
}
