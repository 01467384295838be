/** Entry of the page: takes the pairing code out of the address, opens the storage, renders. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { isObject } from "../lib/json.ts";
import { App } from "./app.ts";
import { preferredLanguage } from "./catalogue/language.ts";
import type { Connection } from "./connection/connection.ts";
import { AppProvider } from "./context.tsx";
import { HomeStore } from "./homes/home_store.ts";
import { openIndexedDb } from "./homes/key_value_store.ts";
import { createPairedMark, wasPairedBefore } from "./homes/lost_storage.ts";
import { allowedGateways } from "./page_address.ts";
import { Page } from "./page.tsx";
import { deviceLabel } from "./pairing/device_label.ts";
import { takePairingLink } from "./pairing/fragment.ts";
import { Unusable } from "./pairing/unusable.tsx";
import { DEVICE_PUSH } from "./push/browser_push.ts";
import { parseRoute } from "./router.ts";
import { deleteFiles, watchForUpdate } from "./update.ts";

const takeLink = () => takePairingLink(location, (address) => history.replaceState(null, "", address));

// Before anything else, and before any request.
const link = globalThis.isSecureContext ? takeLink() : undefined;
await start();

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (root === null) throw new Error("index.html has no element with the id app");
  const language = preferredLanguage(navigator.languages);
  document.documentElement.lang = language;
  if (!globalThis.isSecureContext) return render(<Unusable reason="insecure" language={language} />, root);

  const mark = createPairedMark(() => localStorage);
  const gateways = allowedGateways(document);
  const app = new App({
    fetch: (input, init) => fetch(input, init),
    now: () => Date.now(),
    label: deviceLabel(navigator.userAgent),
    mayConnect: (url) => gateways.some((gateway) => gateway === new URL(url).origin || gateway === url),
    persist: async () => await navigator.storage?.persist?.() ?? false,
    deleteFiles,
    push: DEVICE_PUSH,
    go: (route) => location.replace(route === "" ? "#" : route),
  }, { store: new HomeStore(openIndexedDb()), mark });

  const show = () => app.setVisible(document.visibilityState === "visible");
  document.addEventListener("visibilitychange", show);
  globalThis.addEventListener("online", () => void app.connection.peek()?.check());
  globalThis.addEventListener("hashchange", () => {
    const link = takeLink();
    if (link !== undefined) app.startPairing(link);
    else void app.follow(parseRoute(location.hash));
  });
  // From the service worker, when a notification is pressed.
  navigator.serviceWorker?.addEventListener("message", ({ data }) => {
    if (isObject(data) && typeof data["route"] === "string" && data["route"].startsWith("#/")) {
      location.hash = data["route"];
    }
  });

  const isLost = wasPairedBefore({
    hash: location.hash,
    isInstalled: matchMedia("(display-mode: standalone)").matches,
    mark,
  });
  app.route.value = parseRoute(location.hash);
  if (link !== undefined) app.startPairing(link);
  show();
  try {
    await app.load(language);
    await app.follow(parseRoute(location.hash));
  } catch {
    return render(<Unusable reason="no_storage" language={language} />, root);
  }
  render(
    <AppProvider app={app}>
      <Page isLost={isLost && app.homes.peek().length === 0} />
    </AppProvider>,
    root,
  );
  followPush(app);
  await watchForUpdate((update) => app.update.value = update);
}

/** Keeps the push messages of each home that is opened. */
function followPush(app: App): void {
  let kept: Connection | undefined;
  effect(() => {
    const connection = app.connection.value;
    if (connection === undefined || connection === kept || connection.status.value.kind !== "live") return;
    kept = connection;
    void import("./push/keep_push.ts").then(({ keepPush }) => keepPush(app, connection));
  });
}
