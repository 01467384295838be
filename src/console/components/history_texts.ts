/**
 * Texts of the dialog with the past of a value.
 *
 * @module
 */
import type { Translated } from "../catalogue/language.ts";

const en = {
  period: "Period",
  periods: { hours: "6 h", day: "24 h", week: "7 d", month: "30 d" },
  last: "last value",
  lowest: "Lowest",
  highest: "Highest",
  average: "Average",
  points: "Values",
  changes: "Changes",
  none: "No values in this time.",
  failed: "The history could not be loaded.",
  open: (name: string) => `History of ${name}`,
  chart: (name: string, lowest: string, highest: string, last: string) =>
    `Chart of ${name}: lowest ${lowest}, highest ${highest}, last ${last}`,
};

/** Texts by language. */
export const HISTORY_TEXTS: Translated<typeof en> = {
  en,
  fr: {
    period: "Période",
    periods: { hours: "6 h", day: "24 h", week: "7 j", month: "30 j" },
    last: "dernière valeur",
    lowest: "Minimum",
    highest: "Maximum",
    average: "Moyenne",
    points: "Valeurs",
    changes: "Changements",
    none: "Aucune valeur sur cette période.",
    failed: "L’historique n’a pas pu être chargé.",
    open: (name) => `Historique de ${name}`,
    chart: (name, lowest, highest, last) =>
      `Graphique de ${name} : minimum ${lowest}, maximum ${highest}, dernière valeur ${last}`,
  },
};
