/**
 * English texts of the Admin page.
 *
 * @module
 */

/** Title and explanation of a cause of refusals. */
export interface CauseTexts {
  /** Title. */
  readonly title: string;
  /** What to do. */
  readonly about: string;
}

/** English texts; their keys and parameters are those of every language. */
export const en = {
  title: "Gateway admin",
  language: "Language",
  local: "Only on this machine",
  localLead: "Loopback, with your link",
  screens: { devices: "Devices", checks: "Checks", refusals: "Refusals" },
  stopped: {
    token: {
      title: "Open this page by its link",
      lead:
        "The link holds the token that this page needs, and the browser keeps it only as long as this tab. Run this on the gateway’s machine, and open the link that it prints:",
      command: "deno task admin",
    },
    unreachable: {
      title: "The gateway does not answer",
      lead: "It was stopped, or listens on another port now. Start it, and try again:",
      command: "deno task start",
    },
    version: {
      title: "The gateway has another version now",
      lead: "This page was loaded from an earlier one. Load it again.",
      command: "",
    },
  },
  devices: {
    title: "Devices",
    add: "Add a device",
    pass: "Guest pass",
    since: (time: string) => `Last uses are known since the start of the gateway: ${time}.`,
    none: "No devices yet",
    noneHow: "Add one, and scan the code with its camera: the device makes its key together with the gateway.",
    states: { active: "Active", disabled: "Disabled", expired: "Expired", waiting: "Waiting" },
    lastUse: "Last use",
    neverUsed: "none since the start",
    results: { ok: "done", subscribed: "listening", repeat: "repeated", refused: "refused", failed: "failed" },
    created: "Created",
    expires: "Expires",
    never: "never",
    runsLeft: "Runs left",
    runs: (left: string, of: string) => `${left} of ${of}`,
    runsUnknown: "not known: see the gateway’s log",
    oldSecret: "Old secret works until",
    waits: "New device may pair until",
    waitsUntil: (time: string) => `May pair until ${time}`,
    may: "What it may do",
    isDefault: "The gateway’s own key, in a file of its own. Delete that file once every device has another key.",
    change: "Change",
    renew: "New secret",
    disable: "Disable",
    enable: "Enable",
    remove: "Remove",
    removeAsk: (name: string) =>
      `Remove “${name}”? Its open streams end at once. To come back, the device has to be paired again.`,
    removed: (name: string) => `“${name}” is removed.`,
    disabled: (name: string) => `“${name}” is disabled.`,
    enabled: (name: string) => `“${name}” is enabled.`,
    newLink: "New link",
    withdraw: "Withdraw the link",
    withdrawn: (name: string) => `The link for “${name}” does nothing any more.`,
  },
  form: {
    addTitle: "Add a device",
    addLead: "The result is a code that works once, within 10 minutes. It does not hold the key.",
    passTitle: "Guest pass",
    passLead:
      "The guest gets one link. It works for one phone, and has to be opened within 10 minutes; the time of the pass runs from now.",
    passActions: "What the guest may do",
    noActions: "This home has no actions yet: add one with “deno task actions add”, or grant other rights below.",
    uses: "Runs, all together",
    noLimit: "no limit",
    moreRights: "Other rights",
    name: "Name",
    deviceName: "kitchen-tablet",
    guestName: "plumber",
    nameAbout: "Letters, digits, dots, dashes and underscores.",
    passNameAbout: "Empty: a name is made.",
    rights: "What it may do",
    everyday: "Everyday",
    choose: "Choose",
    everydayAbout: (services: readonly string[]) => `What an ordinary phone needs: ${services.join(", ")}.`,
    chooseAbout: "Nothing but what is given below.",
    everydayOf: "Everyday rights, unless narrowed below",
    oneEach: "One in each line.",
    granted: "granted",
    expires: "Expires",
    keep: (present: string) => `As it is: ${present}`,
    spans: {
      never: "Never",
      "30m": "In 30 minutes",
      "2h": "In 2 hours",
      "24h": "In 24 hours",
      "7d": "In 7 days",
      "30d": "In 30 days",
      "90d": "In 90 days",
      "365d": "In a year",
    },
    address: "Address of the gateway for the device",
    addressAbout: "The one that PUBLIC_URL sets, or the best guess.",
    insecure: "Browsers encrypt only on pages of https: with this address, only apps can pair.",
    makeLink: "Make the link",
    changeTitle: (name: string) => `Change “${name}”`,
    changeLead: "Only what you change here is changed. A list that you empty grants nothing.",
    changed: (name: string) => `“${name}” is changed. Its streams connect again.`,
    save: "Save",
    renewTitle: (name: string) => `New secret for “${name}”`,
    newLinkTitle: (name: string) => `New link for “${name}”`,
    newLinkLead: "It grants the same, and works once, within 10 minutes. The present link ends.",
    renewLead: "The key keeps its rights. Its present secret works until a device has opened the link.",
  },
  offer: {
    title: (name: string) => `Pair “${name}”`,
    code: (name: string) => `QR code that pairs “${name}”`,
    lead: (time: string) =>
      `Scan this with the device’s camera, or open the link there, until ${time}. It works once; the first device that opens it has the key.`,
    link: "Pairing link",
    copy: "Copy",
    copied: "Copied",
    waiting: "Waiting for the device …",
    paired: (name: string) => `“${name}” has paired`,
    over: "The link has expired. Make a new one.",
  },
  checks: {
    title: "Checks",
    lead:
      "The checks of “deno task doctor”. The gateway runs them in its own sandbox, so some are skipped here; run the command to see all.",
    none: "Not run yet",
    run: "Run the checks",
    running: "Running …",
    at: (time: string) => `Run at ${time}`,
    statuses: { ok: "OK", warning: "Warning", failed: "Failed", skipped: "Skipped" },
  },
  refusals: {
    title: "Refusals",
    lead: (minutes: number) => `Requests that the gateway refused in the last ${minutes} minutes.`,
    none: "Nothing was refused",
    noneLead: "Every request came from a key that may do what it asked for.",
    key: (name: string) => `Key “${name}”`,
    clock: (time: string, isBehind: boolean) => `Clock ${time} ${isBehind ? "behind" : "ahead"}`,
    causes: {
      unknown_key: {
        title: "Unknown key",
        about: "If one of your devices is there, pair it again. If not, an attacker tries keys: nothing to do.",
      },
      address_rate: {
        title: "Too many requests from an address",
        about: "If one of your devices is there, check its key, and make it send fewer requests.",
      },
      cross_site: {
        title: "Web page of another site",
        about: "If the page is yours, allow its origin: ALLOWED_ORIGINS.",
      },
      old_secret: { title: "Old secret", about: "Pair the device again: New secret." },
      removed: { title: "Removed key", about: "If the device is to work again, add it anew." },
      disabled: { title: "Disabled key", about: "If the device is to work again, enable its key." },
      expired: { title: "Expired key", about: "If the device is to work again, change when its key expires." },
      old_version: { title: "Old version of the protocol", about: "Update the app of the device." },
      in_force: {
        title: "Altered, or sealed with another key",
        about:
          "Anyone can name a key: if the device works, an attacker sent these. If not, something changes its requests.",
      },
      clock: { title: "Wrong clock", about: "Turn on automatic time on the device." },
      rights: { title: "Not granted", about: "The log names each of them. Change the key if it may do this." },
      key_rate: { title: "Too many requests of a key", about: "Make the device send fewer requests, or allow more." },
    } as Readonly<Record<string, CauseTexts>>,
  },
};

/** Texts of one language. */
export type AdminTexts = typeof en;
