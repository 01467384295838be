/** Entry of the Admin page: takes the token out of the address, loads, renders. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Language } from "../catalogue/language.ts";
import { LanguageProvider } from "../context.tsx";
import { AdminPage } from "./admin_page.tsx";
import { AdminProvider } from "./admin_context.tsx";
import { AdminState } from "./admin_state.ts";
import { createAdminApi } from "./api.ts";
import { keepLanguage, readLanguage } from "./kept_language.ts";
import { takeAdminLink } from "./token.ts";

const replace = (fragment: string) => history.replaceState(null, "", fragment);
const takeLink = () => takeAdminLink({ hash: location.hash, replace }, sessionStorage);

// Before anything else, and before any request.
const { token, gateway } = takeLink();

const language = signal(readLanguage(localStorage, navigator.languages));
effect(() => {
  document.documentElement.lang = language.value;
});

function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  keepLanguage(localStorage, chosen);
}

const api = createAdminApi((input, init) => fetch(input, init), token ?? "");
const state = new AdminState({ api, gateway, chooseLanguage });
const route = signal(location.hash);
globalThis.addEventListener("hashchange", () => {
  // Another link in the same tab.
  if (location.hash.startsWith("#token=")) {
    takeLink();
    location.reload();
  }
  route.value = location.hash;
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void state.refresh();
});

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element with the id app");
render(
  <LanguageProvider language={language}>
    <AdminProvider state={state}>
      <AdminPage route={route} />
    </AdminProvider>
  </LanguageProvider>,
  root,
);
await state.load();
