/**
 * Texts of the screen of Jeedom.
 *
 * @module
 */
import { plural } from "../../catalogue/format.ts";
import type { Translated } from "../../catalogue/language.ts";

const en = {
  title: "Jeedom",
  rooms: "Rooms",
  all: "All",
  noRoom: "Commands of this key",
  find: "Find a room, a device or a command",
  found: (number: number) => `${number} ${plural("en", number, { one: "device", other: "devices" })}`,
  more: (number: number) => `Show ${number} more`,
  loading: "Asking Jeedom for its rooms …",
  offline: "Offline: Jeedom cannot be asked now.",
  failed: "Jeedom’s rooms could not be loaded",
  failedHow: "The gateway may not reach Jeedom. The command “deno task doctor” tells why.",
  empty: "Jeedom has no visible rooms",
  emptyHow: "Objects, devices and commands that are hidden in Jeedom are not shown here.",
  notGranted: "This key may not list Jeedom’s rooms",
  notGrantedHow: "It may call other methods. To show rooms here, grant the method that reads them, or some commands:",
  notGrantedCommand: (name: string) => `deno task keys set ${name} --method 'jeeObject::full'`,
  noMatch: "Nothing found",
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
  unsupported: "This page does not know this kind of action.",
  answered: (value: string) => `Value: ${value}`,
};

/** Texts by language. */
export const JEEDOM_TEXTS: Translated<typeof en> = {
  en,
  fr: {
    title: "Jeedom",
    rooms: "Pièces",
    all: "Tout",
    noRoom: "Commandes de cette clé",
    find: "Chercher une pièce, un équipement ou une commande",
    found: (number) => `${number} ${plural("fr", number, { one: "équipement", other: "équipements" })}`,
    more: (number) => `En montrer ${number} de plus`,
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
    noMatch: "Rien trouvé",
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
    unsupported: "Cette page ne connaît pas ce genre d’action.",
    answered: (value) => `Valeur : ${value}`,
  },
};
