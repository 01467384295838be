/**
 * Language that was chosen on the Admin page.
 *
 * @module
 */
import { isLanguage, type Language, preferredLanguage } from "../catalogue/language.ts";

/** Part of `localStorage`. */
export type LanguageStorage = Pick<Storage, "getItem" | "setItem">;

const NAME = "admin-language";

/** Returns the language that was chosen last; without one, that of the browser. */
export function readLanguage(storage: LanguageStorage, languages: readonly string[]): Language {
  const kept = storage.getItem(NAME);
  return isLanguage(kept) ? kept : preferredLanguage(languages);
}

/** Keeps a language for later visits. */
export function keepLanguage(storage: LanguageStorage, language: Language): void {
  storage.setItem(NAME, language);
}
