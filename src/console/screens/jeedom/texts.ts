/**
 * Texts of the screen of Jeedom.
 *
 * @module
 */
import { plural } from "../../catalogue/format.ts";
import type { Translated } from "../../catalogue/language.ts";

const en = {
  title: "Jeedom",
  groups: "Rooms",
  noRoom: "Commands of this key",
  find: "Find a device or a command",
  loading: "Asking Jeedom for its rooms …",
  offline: "Offline: Jeedom cannot be asked now.",
  failed: "Jeedom’s rooms could not be loaded",
  failedHow: "The gateway may not reach Jeedom. The command “deno task doctor” tells why.",
  empty: "Jeedom has no visible rooms",
  emptyHow: "Objects, devices and commands that are hidden in Jeedom are not shown here.",
  notGranted: "This key may not list Jeedom’s rooms",
  notGrantedHow: "It may call other methods. To show rooms here, grant the method that reads them, or some commands:",
  notGrantedCommand: (name: string) => `deno task keys set ${name} --method 'jeeObject::full'`,
  noValue: "no value",
  actions: (name: string) => `Actions of ${name}`,
  confirm: (name: string) => `Jeedom asks before it runs “${name}”. Run it now?`,
  confirmUnknown: (name: string) => `It is not known what command ${name} does. Run it now?`,
  run: "Run",
  code: "Access code",
  codeFor: (name: string) => `Jeedom asks for an access code before it runs “${name}”.`,
  subject: "Title",
  message: "Message",
  send: "Send",
  answered: (value: string) => `Value: ${value}`,
  scenarios: "Scenarios",
  disabled: "Disabled in Jeedom",
  scenarioStates: { "starting": "Running", "in progress": "Running", "error": "Failed" } as Readonly<
    Record<string, string>
  >,
  stop: "Stop",
  left: (number: number) =>
    `${number} more ${plural("en", number, { one: "command", other: "commands" })} of this key cannot be shown here.`,
};

/** Texts by language. */
export const JEEDOM_TEXTS: Translated<typeof en> = {
  en,
  fr: {
    title: "Jeedom",
    groups: "Pièces",
    noRoom: "Commandes de cette clé",
    find: "Chercher un équipement ou une commande",
    loading: "Demande des pièces à Jeedom …",
    offline: "Hors ligne : impossible d’interroger Jeedom pour l’instant.",
    failed: "Les pièces de Jeedom n’ont pas pu être chargées",
    failedHow: "La passerelle ne joint peut-être pas Jeedom. La commande « deno task doctor » dit pourquoi.",
    empty: "Jeedom n’a aucune pièce visible",
    emptyHow: "Les objets, équipements et commandes masqués dans Jeedom n’apparaissent pas ici.",
    notGranted: "Cette clé ne peut pas lister les pièces de Jeedom",
    notGrantedHow:
      "Elle peut appeler d’autres méthodes. Pour voir les pièces ici, accordez la méthode qui les lit, ou des commandes :",
    notGrantedCommand: (name) => `deno task keys set ${name} --method 'jeeObject::full'`,
    noValue: "pas de valeur",
    actions: (name) => `Actions de ${name}`,
    confirm: (name) => `Jeedom demande confirmation avant « ${name} ». Lancer maintenant ?`,
    confirmUnknown: (name) => `On ne sait pas ce que fait la commande ${name}. La lancer maintenant ?`,
    run: "Lancer",
    code: "Code d’accès",
    codeFor: (name) => `Jeedom demande un code d’accès avant « ${name} ».`,
    subject: "Titre",
    message: "Message",
    send: "Envoyer",
    answered: (value) => `Valeur : ${value}`,
    scenarios: "Scénarios",
    disabled: "Désactivé dans Jeedom",
    scenarioStates: { "starting": "En cours", "in progress": "En cours", "error": "En erreur" },
    stop: "Arrêter",
    left: (number) =>
      `${number} ${
        plural("fr", number, { one: "autre commande", other: "autres commandes" })
      } de cette clé ne peuvent pas être affichées ici.`,
  },
};
