/**
 * Texts of the screens with groups of cards.
 *
 * @module
 */
import type { Translated } from "../catalogue/language.ts";

const en = {
  all: "All",
  more: (number: number) => `Show ${number} more`,
  noMatch: "Nothing found",
};

/** Texts by language. */
export const CARD_GROUPS_TEXTS: Translated<typeof en> = {
  en,
  fr: {
    all: "Tout",
    more: (number) => `En montrer ${number} de plus`,
    noMatch: "Rien trouvé",
  },
};
