/**
 * Texts of the screens with groups of cards.
 *
 * @module
 */
import { plural } from "../catalogue/format.ts";
import type { Translated } from "../catalogue/language.ts";

const en = {
  all: "All",
  found: (_number: number, written: string) => `${written} found`,
  more: (number: number) => `Show ${number} more`,
  noMatch: "Nothing found",
  noMatchHow: "No name here contains these words.",
  clear: "Clear the search",
};

/** Texts by language. */
export const CARD_GROUPS_TEXTS: Translated<typeof en> = {
  en,
  fr: {
    all: "Tout",
    found: (number, written) => `${written} ${plural("fr", number, { one: "résultat", other: "résultats" })}`,
    more: (number) => `En montrer ${number} de plus`,
    noMatch: "Rien trouvé",
    noMatchHow: "Aucun nom ici ne contient ces mots.",
    clear: "Effacer la recherche",
  },
};
