/**
 * Faults that the gateway finds in requests for push messages, in the language of the page. English has none here: the
 * words of the gateway say more.
 *
 * @module
 */
import type { GatewayError } from "@e2e-gateway/client";
import type { Translated } from "../../../catalogue/language.ts";

/** Texts of faults. */
export interface GatewayTexts {
  /** Texts by the code of the error. */
  readonly codes: ReadonlyMap<string, string>;
  /** Texts by the path of the field in a rule, without the numbers of a list. */
  readonly fields: ReadonlyMap<string, string>;
}

const en: GatewayTexts = { codes: new Map(), fields: new Map() };

const fr: GatewayTexts = {
  codes: new Map([
    ["scope", "La clé ne peut pas recevoir ce que la règle choisit, ou ne peut pas exécuter une de ses actions."],
    ["limit_reached", "La clé a déjà autant d’appareils ou de règles que la passerelle le permet : retirez-en."],
    ["old_secret", "Cet appareil a un ancien secret de la clé. Appairez-le de nouveau."],
    ["key_revoked", "La clé a été supprimée ou modifiée entre-temps."],
    ["key_rate", "Trop de demandes : réessayez un peu plus tard."],
    ["busy", "Trop d’alertes pour cette clé : réessayez dans quelques secondes."],
    ["service_unreachable", "Ce service n’est pas configuré sur la passerelle, ou ne répond pas."],
    ["field", "La passerelle ne connaît pas cet appareil ou cette valeur. Rechargez la page."],
    ["internal", "La passerelle a eu une erreur : réessayez plus tard."],
  ]),
  fields: new Map([
    ["source.topics", "Indiquez des sujets ou des filtres, avec + et # comme niveaux entiers, # à la fin."],
    ["source.entities", "Indiquez des entités comme light.hall ou light.*, en minuscules."],
    ["source.health", "Indiquez le nom d’une connexion comme broker, ou *."],
    ["path", "Indiquez un chemin comme $.battery ou $['un nom'][0], vers une seule valeur."],
    ["condition.text", "Ce texte est trop long, ou a trop de jokers *."],
    ["condition.limit", "Indiquez un nombre comme limite."],
    ["condition.hysteresis", "Le retour est un nombre, zéro ou plus."],
    ["title", "Indiquez un titre, pas trop long ; une accolade seule s’écrit {{ ou }}."],
    ["body", "Ce texte est trop long ; une accolade seule s’écrit {{ ou }}."],
    ["minIntervalSeconds", "Indiquez un nombre de minutes, au plus une semaine."],
    ["quietHours", "Indiquez deux heures différentes."],
    ["quietHours.from", "Indiquez une heure comme 22:30."],
    ["quietHours.to", "Indiquez une heure comme 07:00."],
    ["quietHours.timeZone", "La passerelle ne connaît pas le fuseau horaire de cet appareil."],
  ]),
};

/** Texts by language. */
export const GATEWAY_TEXTS: Translated<GatewayTexts> = { en, fr };

/** Returns the text of an error of the gateway; its own message for one that the page has no text for. */
export function gatewayText(
  { gatewayCode = "", message }: Pick<GatewayError, "gatewayCode" | "message">,
  { codes }: GatewayTexts,
): string {
  return codes.get(gatewayCode) ?? message;
}
