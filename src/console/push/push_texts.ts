/**
 * Texts of notifications. The service worker shows them, so that they are apart from those of the page.
 *
 * @module
 */
import type { Translated } from "../catalogue/language.ts";

const en = {
  unreadable: "News from home",
  unreadableHow: "This device cannot read the message. Open the page to see what it is.",
  ran: "Done",
  notRun: "Not run. Open the page to see why.",
  notKnown: "No answer: not known whether it ran",
  late: (time: string) => `Delivered late, from ${time}:`,
  asks: "Not run yet: press here to confirm it on the page.",
};

/** Texts of notifications. */
export type PushTexts = typeof en;

const fr: PushTexts = {
  unreadable: "Des nouvelles de la maison",
  unreadableHow: "Cet appareil ne peut pas lire le message. Ouvrez la page pour voir ce que c’est.",
  ran: "Fait",
  notRun: "Non exécuté. Ouvrez la page pour voir pourquoi.",
  notKnown: "Pas de réponse : on ne sait pas si cela a été exécuté",
  late: (time) => `Remis en retard, de ${time} :`,
  asks: "Pas encore exécuté : touchez ici pour confirmer sur la page.",
};

/** Texts by language. */
export const PUSH_TEXTS: Translated<PushTexts> = { en, fr };
