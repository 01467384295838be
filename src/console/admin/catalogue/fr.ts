/**
 * French texts of the Admin page.
 *
 * @module
 */
import type { AdminTexts } from "./en.ts";

/** French texts. */
export const fr: AdminTexts = {
  title: "Administration",
  language: "Langue",
  local: "Sur cette machine seulement",
  localLead: "Bouclage local, avec votre lien",
  screens: { devices: "Appareils", checks: "Contrôles", refusals: "Refus" },
  stopped: {
    token: {
      title: "Ouvrez cette page par son lien",
      lead:
        "Le lien contient le jeton dont cette page a besoin ; le navigateur ne le garde que dans cet onglet. Exécutez ceci sur la machine de la passerelle, et ouvrez le lien affiché :",
      command: "deno task admin",
    },
    unreachable: {
      title: "La passerelle ne répond pas",
      lead: "Elle est arrêtée, ou écoute maintenant sur un autre port. Démarrez-la, puis réessayez :",
      command: "deno task start",
    },
    version: {
      title: "La passerelle a maintenant une autre version",
      lead: "Cette page vient d’une version précédente. Rechargez-la.",
      command: "",
    },
  },
  devices: {
    title: "Appareils",
    add: "Ajouter un appareil",
    pass: "Accès invité",
    since: (time) => `Les dernières utilisations sont connues depuis le démarrage de la passerelle : ${time}.`,
    none: "Aucun appareil",
    noneHow: "Ajoutez-en un et scannez le code avec son appareil photo : il crée sa clé avec la passerelle.",
    states: { active: "Active", disabled: "Désactivée", expired: "Expirée", waiting: "En attente" },
    lastUse: "Dernière utilisation",
    neverUsed: "aucune depuis le démarrage",
    results: { ok: "fait", subscribed: "à l’écoute", repeat: "répétée", refused: "refusée", failed: "échec" },
    created: "Créée",
    expires: "Expire",
    never: "jamais",
    runsLeft: "Utilisations restantes",
    runs: (left, of) => `${left} sur ${of}`,
    runsUnknown: "inconnues : voir le journal de la passerelle",
    oldSecret: "Ancien secret valable jusqu’à",
    waits: "Nouvel appareil attendu jusqu’à",
    waitsUntil: (time) => `Association possible jusqu’à ${time}`,
    may: "Ce qu’elle permet",
    isDefault:
      "La clé de la passerelle elle-même, dans son propre fichier. Supprimez ce fichier quand chaque appareil a une autre clé.",
    change: "Modifier",
    renew: "Nouveau secret",
    disable: "Désactiver",
    enable: "Activer",
    remove: "Supprimer",
    removeAsk: (name) =>
      `Supprimer « ${name} » ? Ses flux ouverts s’arrêtent aussitôt. Pour revenir, l’appareil devra être associé de nouveau.`,
    removed: (name) => `« ${name} » est supprimée.`,
    disabled: (name) => `« ${name} » est désactivée.`,
    enabled: (name) => `« ${name} » est activée.`,
    newLink: "Nouveau lien",
    withdraw: "Retirer le lien",
    withdrawn: (name) => `Le lien pour « ${name} » ne sert plus à rien.`,
  },
  form: {
    addTitle: "Ajouter un appareil",
    addLead: "Vous obtenez un code qui sert une seule fois, dans les 10 minutes. Il ne contient pas la clé.",
    passTitle: "Accès invité",
    passLead:
      "L’invité reçoit un lien. Il sert pour un seul téléphone et doit être ouvert dans les 10 minutes ; la durée de l’accès court dès maintenant.",
    passActions: "Ce que l’invité peut faire",
    noActions:
      "Cette maison n’a pas encore d’actions : ajoutez-en une avec « deno task actions add », ou accordez d’autres droits ci-dessous.",
    uses: "Utilisations, en tout",
    noLimit: "sans limite",
    moreRights: "Autres droits",
    name: "Nom",
    deviceName: "tablette-cuisine",
    guestName: "plombier",
    nameAbout: "Lettres, chiffres, points, tirets et tirets bas.",
    passNameAbout: "Vide : un nom est créé.",
    rights: "Ce qu’elle permet",
    everyday: "Usage courant",
    choose: "Choisir",
    everydayAbout: (services) => `Ce qu’il faut à un téléphone ordinaire : ${services.join(", ")}.`,
    chooseAbout: "Rien d’autre que ce qui est donné ci-dessous.",
    everydayOf: "Droits courants, sauf limites ci-dessous",
    oneEach: "Un par ligne.",
    granted: "accordé",
    expires: "Expire",
    keep: (present) => `Inchangé : ${present}`,
    spans: {
      never: "Jamais",
      "30m": "Dans 30 minutes",
      "2h": "Dans 2 heures",
      "24h": "Dans 24 heures",
      "7d": "Dans 7 jours",
      "30d": "Dans 30 jours",
      "90d": "Dans 90 jours",
      "365d": "Dans un an",
    },
    address: "Adresse de la passerelle pour l’appareil",
    addressAbout: "Celle de PUBLIC_URL, ou la plus probable.",
    insecure:
      "Les navigateurs ne chiffrent que sur les pages https : avec cette adresse, seules les apps peuvent s’associer.",
    makeLink: "Créer le lien",
    changeTitle: (name) => `Modifier « ${name} »`,
    changeLead: "Seul ce que vous modifiez ici change. Une liste que vous videz n’accorde rien.",
    changed: (name) => `« ${name} » est modifiée. Ses flux se reconnectent.`,
    save: "Enregistrer",
    renewTitle: (name) => `Nouveau secret pour « ${name} »`,
    newLinkTitle: (name) => `Nouveau lien pour « ${name} »`,
    newLinkLead: "Il accorde la même chose et sert une seule fois, dans les 10 minutes. Le lien actuel prend fin.",
    renewLead: "La clé garde ses droits. Son secret actuel reste valable jusqu’à ce qu’un appareil ouvre le lien.",
  },
  offer: {
    title: (name) => `Associer « ${name} »`,
    code: (name) => `Code QR qui associe « ${name} »`,
    lead: (time) =>
      `Scannez-le avec l’appareil photo de l’appareil, ou ouvrez-y le lien, avant ${time}. Il sert une seule fois ; le premier qui l’ouvre a la clé.`,
    link: "Lien d’association",
    copy: "Copier",
    copied: "Copié",
    waiting: "En attente de l’appareil …",
    paired: (name) => `« ${name} » est associée`,
    over: "Le lien a expiré. Créez-en un nouveau.",
  },
  checks: {
    title: "Contrôles",
    lead:
      "Les contrôles de « deno task doctor ». La passerelle les exécute dans son bac à sable : certains sont ignorés ici ; la commande les montre tous.",
    none: "Pas encore exécutés",
    run: "Lancer les contrôles",
    running: "En cours …",
    at: (time) => `Exécutés le ${time}`,
    statuses: { ok: "OK", warning: "Avertissement", failed: "Échec", skipped: "Ignoré" },
  },
  refusals: {
    title: "Refus",
    lead: (minutes) => `Requêtes que la passerelle a refusées ces ${minutes} dernières minutes.`,
    none: "Rien n’a été refusé",
    noneLead: "Chaque requête venait d’une clé qui permet ce qu’elle demandait.",
    key: (name) => `Clé « ${name} »`,
    clock: (time, isBehind) => `Horloge ${isBehind ? "en retard" : "en avance"} de ${time}`,
    causes: {
      unknown_key: {
        title: "Clé inconnue",
        about:
          "Si c’est un de vos appareils, associez-le de nouveau. Sinon, un attaquant essaie des clés : rien à faire.",
      },
      address_rate: {
        title: "Trop de requêtes d’une adresse",
        about: "Si c’est un de vos appareils, vérifiez sa clé, et faites-lui envoyer moins de requêtes.",
      },
      cross_site: {
        title: "Page web d’un autre site",
        about: "Si la page est à vous, autorisez son origine : ALLOWED_ORIGINS.",
      },
      old_secret: { title: "Ancien secret", about: "Associez l’appareil de nouveau : Nouveau secret." },
      removed: { title: "Clé supprimée", about: "Pour que l’appareil marche de nouveau, ajoutez-le." },
      disabled: { title: "Clé désactivée", about: "Pour que l’appareil marche de nouveau, activez sa clé." },
      expired: {
        title: "Clé expirée",
        about: "Pour que l’appareil marche de nouveau, changez l’expiration de sa clé.",
      },
      old_version: { title: "Ancienne version du protocole", about: "Mettez à jour l’app de l’appareil." },
      in_force: {
        title: "Altérée, ou scellée avec une autre clé",
        about:
          "N’importe qui peut nommer une clé : si l’appareil marche, un attaquant les a envoyées. Sinon, quelque chose modifie ses requêtes.",
      },
      clock: { title: "Horloge fausse", about: "Activez l’heure automatique sur l’appareil." },
      rights: { title: "Non accordé", about: "Le journal les nomme. Modifiez la clé si elle doit le permettre." },
      key_rate: {
        title: "Trop de requêtes d’une clé",
        about: "Faites envoyer moins de requêtes à l’appareil, ou permettez-en plus.",
      },
    },
  },
};
