/**
 * Texts of the page in all languages.
 *
 * @module
 */
import { en, type Texts } from "./en.ts";
import { fr } from "./fr.ts";
import type { Translated } from "./language.ts";

export type { Texts };

/** Texts by language. */
export const CATALOGUE: Translated<Texts> = { en, fr };
