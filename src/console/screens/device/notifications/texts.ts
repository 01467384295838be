/**
 * Texts of notifications, which are loaded with their part of the screen.
 *
 * @module
 */
import { plural } from "../../../catalogue/format.ts";
import type { Translated } from "../../../catalogue/language.ts";

const en = {
  title: "Notifications",
  lead: "This device is told of what matters while no page is open. Neither Google nor Apple can read it.",
  onHere: "On this device",
  support: {
    unsupported: "This browser has no push messages, or they are switched off, as in private windows.",
    needs_install:
      "On an iPhone or iPad, notifications need the installed page: press Share, then “Add to Home Screen”, open the page from there, and pair it. iOS 16.4 or newer.",
    blocked: "The browser blocks notifications of this page. Allow them in its settings for this site, and reload.",
  },
  faults: {
    gateway_off: "The gateway sends no push messages: it has PUSH=off, or is missing its key.",
    other_gateway:
      "A home with another gateway has notifications on here. A browser has room for one gateway: turn them off there first.",
    denied: "The browser did not allow notifications.",
    busy: "Another tab of this page is changing notifications. Close it, or try again.",
    browser: "The browser’s push service cannot be reached, or is switched off in its settings.",
    worker: "The page has no service worker yet. Reload it.",
    unavailable: "The gateway did not answer. Notifications can be changed once it can be reached.",
    too_old: "This gateway has no push messages. Update it.",
  },
  test: "Send a test",
  testing: "A test is on its way. If it does not come, look at the system’s settings for notifications.",
  devices: "Devices of this key",
  noDevices: "No device of this key gets notifications yet.",
  thisOne: "this device",
  delivered: (time: string) => `last delivered ${time}`,
  failed: (time: string) => `last failed ${time}`,
  never: "nothing delivered yet",
  remove: "Remove",
  removeRule: (title: string) => `Remove the rule “${title}”? All devices of this key lose it.`,
  rules: "Rules",
  rulesLead: "A rule says what the devices of this key are told of.",
  noRules: "No rules yet: nothing but tests is sent.",
  addRule: "Add a rule",
  changeRule: "Change the rule",
  change: "Change",
  missed: "Missed alerts",
  missedSome: (count: number) =>
    `${count} ${plural("en", count, { one: "alert was", other: "alerts were" })} missed. “This device” lists them.`,
  seen: "Mark as seen",
  words: {
    any: "says anything",
    changed: "changes",
    equals: (text: string) => `is “${text}”`,
    matches: (text: string) => `is like “${text}”`,
    above: (limit: string) => `rises above ${limit}`,
    below: (limit: string) => `falls below ${limit}`,
  },
  form: {
    source: "Source",
    kinds: { topics: "MQTT", entities: "Home Assistant", health: "Gateway" },
    select: { topics: "Topics", entities: "Entities", health: "Connections of the gateway" },
    selectHow: {
      topics: "A topic, or a filter such as home/+/door",
      entities: "An entity, or a pattern such as binary_sensor.*",
      health: "Such as broker, or * for all. The value is up or down",
    },
    another: "Add another one",
    path: "Value in JSON",
    pathHow: "Such as $.battery. Empty for the whole value",
    condition: "Tell me when it",
    conditions: {
      any: "says anything",
      changed: "changes",
      equals: "is a text",
      matches: "is like a pattern",
      above: "rises above a limit",
      below: "falls below a limit",
    },
    text: "Text",
    pattern: "Pattern, with * for any characters",
    once: "Only the first of several such values",
    limit: "Limit",
    hysteresis: "Tell again only after it went back by",
    heading: "Title",
    headingHow: "{value} and {topic} are filled in",
    body: "Text below",
    bodyHow: "Empty for the value",
    urgency: "Importance",
    urgencies: { "very-low": "Very low", low: "Low", normal: "Normal", high: "High" },
    minutes: "At most once in so many minutes",
    quiet: "Quiet hours",
    quietFrom: "From",
    quietTo: "To",
    actions: "Buttons",
    actionsHow:
      "A button runs its action at once; one with a question opens the page, which asks it. Browsers show two or three.",
    save: "Save",
    saving: "Saving …",
    unsaved: "Not saved: the gateway did not answer.",
  },
};

/** Texts of notifications. */
export type NotificationTexts = typeof en;

const fr: NotificationTexts = {
  title: "Notifications",
  lead:
    "Cet appareil est averti de ce qui compte même quand aucune page n’est ouverte. Ni Google ni Apple ne peuvent le lire.",
  onHere: "Sur cet appareil",
  support: {
    unsupported: "Ce navigateur n’a pas de messages push, ou ils sont désactivés, comme dans les fenêtres privées.",
    needs_install:
      "Sur iPhone ou iPad, les notifications demandent la page installée : touchez Partager, puis « Sur l’écran d’accueil », ouvrez la page de là et appairez-la. iOS 16.4 ou plus récent.",
    blocked:
      "Le navigateur bloque les notifications de cette page. Autorisez-les dans ses réglages pour ce site, puis rechargez.",
  },
  faults: {
    gateway_off: "La passerelle n’envoie pas de messages push : elle a PUSH=off, ou sa clé manque.",
    other_gateway:
      "Une maison d’une autre passerelle a les notifications activées ici. Un navigateur n’a de place que pour une passerelle : désactivez-les d’abord là-bas.",
    denied: "Le navigateur n’a pas autorisé les notifications.",
    busy: "Un autre onglet de cette page modifie les notifications. Fermez-le, ou réessayez.",
    browser: "Le service push du navigateur est injoignable, ou désactivé dans ses réglages.",
    worker: "La page n’a pas encore de service worker. Rechargez-la.",
    unavailable: "La passerelle n’a pas répondu. Les notifications pourront être modifiées quand elle sera joignable.",
    too_old: "Cette passerelle n’a pas de messages push. Mettez-la à jour.",
  },
  test: "Envoyer un essai",
  testing: "Un essai est en route. S’il n’arrive pas, voyez les réglages de notifications du système.",
  devices: "Appareils de cette clé",
  noDevices: "Aucun appareil de cette clé ne reçoit encore de notifications.",
  thisOne: "cet appareil",
  delivered: (time) => `dernière remise ${time}`,
  failed: (time) => `dernier échec ${time}`,
  never: "rien de remis pour l’instant",
  remove: "Retirer",
  removeRule: (title) => `Retirer la règle « ${title} » ? Tous les appareils de cette clé la perdent.`,
  rules: "Règles",
  rulesLead: "Une règle dit de quoi les appareils de cette clé sont avertis.",
  noRules: "Pas encore de règle : rien n’est envoyé, sauf les essais.",
  addRule: "Ajouter une règle",
  changeRule: "Modifier la règle",
  change: "Modifier",
  missed: "Alertes manquées",
  missedSome: (count) =>
    `${count} ${
      plural("fr", count, { one: "alerte manquée", other: "alertes manquées" })
    }. « Cet appareil » en donne la liste.`,
  seen: "Marquer comme vues",
  words: {
    any: "dit quelque chose",
    changed: "change",
    equals: (text) => `est « ${text} »`,
    matches: (text) => `ressemble à « ${text} »`,
    above: (limit) => `dépasse ${limit}`,
    below: (limit) => `passe sous ${limit}`,
  },
  form: {
    source: "Source",
    kinds: { topics: "MQTT", entities: "Home Assistant", health: "Passerelle" },
    select: { topics: "Sujets", entities: "Entités", health: "Connexions de la passerelle" },
    selectHow: {
      topics: "Un sujet, ou un filtre comme home/+/door",
      entities: "Une entité, ou un motif comme binary_sensor.*",
      health: "Comme broker, ou * pour toutes. La valeur est up ou down",
    },
    another: "En ajouter un autre",
    path: "Valeur dans le JSON",
    pathHow: "Comme $.battery. Vide pour la valeur entière",
    condition: "M’avertir quand la valeur",
    conditions: {
      any: "arrive, quelle qu’elle soit",
      changed: "change",
      equals: "est un texte",
      matches: "ressemble à un motif",
      above: "dépasse une limite",
      below: "passe sous une limite",
    },
    text: "Texte",
    pattern: "Motif, avec * pour des caractères quelconques",
    once: "Seulement la première de plusieurs valeurs pareilles",
    limit: "Limite",
    hysteresis: "N’avertir de nouveau qu’après un retour de",
    heading: "Titre",
    headingHow: "{value} et {topic} sont remplacés",
    body: "Texte en dessous",
    bodyHow: "Vide pour la valeur",
    urgency: "Importance",
    urgencies: { "very-low": "Très basse", low: "Basse", normal: "Normale", high: "Haute" },
    minutes: "Au plus une fois en tant de minutes",
    quiet: "Heures calmes",
    quietFrom: "De",
    quietTo: "À",
    actions: "Boutons",
    actionsHow:
      "Un bouton exécute son action aussitôt ; si elle a une question, il ouvre la page, qui la pose. Les navigateurs en montrent deux ou trois.",
    save: "Enregistrer",
    saving: "Enregistrement …",
    unsaved: "Non enregistré : la passerelle n’a pas répondu.",
  },
};

/** Texts by language. */
export const NOTIFICATION_TEXTS: Translated<NotificationTexts> = { en, fr };
