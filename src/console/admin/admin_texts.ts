/**
 * Texts of the Admin page for its components.
 *
 * @module
 */
import { useTranslated } from "../context.tsx";
import type { Translated } from "../catalogue/language.ts";
import { type AdminTexts, en } from "./catalogue/en.ts";
import { fr } from "./catalogue/fr.ts";

/** Texts by language. */
export const ADMIN_CATALOGUE: Translated<AdminTexts> = { en, fr };

/** Returns the texts of the page in its language. */
export function useAdminTexts(): AdminTexts {
  return useTranslated(ADMIN_CATALOGUE);
}
