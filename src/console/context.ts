/**
 * Access of components to the state of the page, and to texts and formats of its language.
 *
 * @module
 */
import type { ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useMemo } from "preact/hooks";
import type { App } from "./app.ts";
import { CATALOGUE, type Texts } from "./catalogue/catalogue.ts";
import { createFormat, type Format } from "./catalogue/format.ts";
import { type Language, localeOf, type Translated } from "./catalogue/language.ts";

/** State of the page for all components. */
export const AppContext = createContext<App | undefined>(undefined);

/** Language of the page for all components. */
export const LanguageContext = createContext<ReadonlySignal<Language> | undefined>(undefined);

/** Returns the language of the page. */
export function useLanguage(): Language {
  const language = useContext(LanguageContext);
  if (language === undefined) throw new Error("Component is used outside of the page");
  return language.value;
}

/** Returns the state of the page. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("Component is used outside of the page");
  return app;
}

/** Returns a screen's own content in the language of the page. */
export function useTranslated<T>(translated: Translated<T>): T {
  return translated[useLanguage()];
}

/** Returns the texts of the page in its language. */
export function useTexts(): Texts {
  return useTranslated(CATALOGUE);
}

/** Returns the formats of numbers and times in the language of the page. */
export function useFormat(): Format {
  const language = useLanguage();
  return useMemo(() => createFormat(localeOf(language, navigator.languages)), [language]);
}
