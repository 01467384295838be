/**
 * Languages of the page.
 *
 * @module
 */

/** Language of the page. */
export type Language = "en" | "fr";

/** Languages, and their names in themselves. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", fr: "Français" };

/** One content in every language. */
export type Translated<T> = Readonly<Record<Language, T>>;

/**
 * Returns the tag for numbers and times of a language: with the region that the browser has for it, such as `en-GB`.
 *
 * @param languages languages of the browser, the preferred ones first
 */
export function localeOf(language: Language, languages: readonly string[]): string {
  return languages.find((tag) => tag.toLowerCase().startsWith(`${language}-`)) ?? language;
}

/** Returns whether a value is a language of the page. */
export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && Object.hasOwn(LANGUAGES, value);
}

/** Returns the first language of the browser that the page has; English where it has none. */
export function preferredLanguage(languages: readonly string[]): Language {
  return languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}
