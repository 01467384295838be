/**
 * Access of components to the state of the page, and to texts and formats of its language.
 *
 * @module
 */
import { computed } from "@preact/signals";
import { type ComponentChildren, createContext } from "preact";
import { useContext, useMemo } from "preact/hooks";
import type { App } from "./app.ts";
import { CATALOGUE, type Texts } from "./catalogue/catalogue.ts";
import { createFormat, type Format } from "./catalogue/format.ts";
import type { Observable } from "./observable.ts";
import { type Language, localeOf, type Translated } from "./catalogue/language.ts";

const AppContext = createContext<App | undefined>(undefined);

/** Makes the state of the page accessible to the components in it. */
export function AppProvider({ app, children }: { readonly app: App; readonly children: ComponentChildren }) {
  return (
    <AppContext.Provider value={app}>
      <LanguageProvider language={app.language}>{children}</LanguageProvider>
    </AppContext.Provider>
  );
}

/** Language, and its formats, which all components share: to make them takes longer than to use them. */
interface Localization {
  readonly language: Observable<Language>;
  readonly format: Observable<Format>;
}

const LanguageContext = createContext<Localization | undefined>(undefined);

/** Makes the language accessible to the components in it. */
export function LanguageProvider(
  { language, children }: { readonly language: Observable<Language>; readonly children: ComponentChildren },
) {
  const localization = useMemo(() => {
    const format = computed(() => createFormat(localeOf(language.value, navigator.languages)));
    return { language, format };
  }, [language]);
  return <LanguageContext.Provider value={localization}>{children}</LanguageContext.Provider>;
}

function useLocalization(): Localization {
  const localization = useContext(LanguageContext);
  if (localization === undefined) throw new Error("Component is used outside of the page");
  return localization;
}

/** Returns the language of the page. */
export function useLanguage(): Language {
  return useLocalization().language.value;
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
  return useLocalization().format.value;
}
