/**
 * Settings of Home Assistant.
 *
 * @module
 */
import {
  type GroupConfig,
  matching,
  mustBeTogether,
  path,
  type ServiceSettings,
  setting,
  webAddress,
  wholeNumber,
} from "../../config/rules.ts";
import type { DoctorContext } from "../../doctor/context.ts";

/** Address of Home Assistant for its add-ons: the Supervisor's, which accepts the token that it gives each of them. */
const SUPERVISOR_URL = "http://supervisor/core";

/** Setting of the file of trusted certificates. */
export const CA_FILE = "HOME_ASSISTANT_CA_FILE";

/** A token, as an HTTP header can carry it. */
const token = matching(/^[!-~]{1,4096}$/, "must be a token without white space");

/** Settings of Home Assistant. */
export const HOME_ASSISTANT_SETTINGS = {
  name: "home_assistant",
  title: "Home Assistant",
  intro: "The service home_assistant answers only where HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN are set.",
  settings: {
    url: setting("HOME_ASSISTANT_URL", {
      rule: webAddress("http://homeassistant.local:8123"),
      doc: "Address of Home Assistant, without user, password and query; a path in it comes before /api.",
      notes: "Write the final address: redirects are not followed. Containers do not find names that end in .local: " +
        "write the IP address there.",
    }),
    token: setting("HOME_ASSISTANT_TOKEN", {
      rule: token,
      secret: true,
      doc: "Long-lived access token of Home Assistant. It never leaves your network: phones have keys of the gateway.",
      notes:
        "Create it in Home Assistant: your profile, Security, Long-lived access tokens. It has all rights of its " +
        "user: a user who is no administrator is best.",
    }),
    supervisorToken: setting("SUPERVISOR_TOKEN", {
      rule: token,
      secret: true,
      doc:
        "Token that the Supervisor sets in an add-on. Where neither HOME_ASSISTANT_URL nor HOME_ASSISTANT_TOKEN is " +
        `set, the gateway uses it at ${SUPERVISOR_URL}.`,
      notes: "The add-on needs homeassistant_api: true in its configuration.",
    }),
    caFile: setting(CA_FILE, {
      rule: path,
      doc:
        "PEM file with the certificate of a Home Assistant behind https:// that no public authority signed, or with " +
        "the certificate of its private authority. No other certificate is trusted then.",
    }),
    timeoutMs: setting("HOME_ASSISTANT_TIMEOUT_MS", {
      rule: wholeNumber(1, 3_600_000),
      default: 30_000,
      reason: "Home Assistant answers a call once the devices did: after 30 s it hangs.",
      doc: "Longest wait for an answer of Home Assistant, in milliseconds.",
      notes: "Raise it for scripts that answer only when they are done.",
    }),
    maxResponseBytes: setting("HOME_ASSISTANT_MAX_RESPONSE_BYTES", {
      rule: wholeNumber(1, 2 ** 30),
      default: 8 * 2 ** 20,
      reason: "The states of 5,000 entities are 3 MB, and a camera's picture 2 MB.",
      doc: "Largest answer of Home Assistant to read, in bytes: a picture, or the states of all entities.",
      notes: "Raise it for a very large home, lower it on a very small machine.",
    }),
    maxCallsPerKey: setting("HOME_ASSISTANT_MAX_CALLS_PER_KEY", {
      rule: wholeNumber(1, 10_000),
      default: 8,
      reason: "A page that loads shows some pictures and states at a time.",
      doc: "Maximum number of requests of one key that run in Home Assistant at a time.",
    }),
    maxCalls: setting("HOME_ASSISTANT_MAX_CALLS", {
      rule: wholeNumber(1, 10_000),
      default: 32,
      reason: "Home Assistant handles all requests in one thread.",
      doc: "Maximum number of requests that run in Home Assistant at a time.",
    }),
  },
  defaults: (given) =>
    given["SUPERVISOR_TOKEN"] !== undefined && given["HOME_ASSISTANT_TOKEN"] === undefined
      ? { "HOME_ASSISTANT_URL": SUPERVISOR_URL }
      : {},
  mismatches: (given) => [
    ...mustBeTogether(given, "HOME_ASSISTANT_URL", "HOME_ASSISTANT_TOKEN"),
    ...mustBeTogether(given, "HOME_ASSISTANT_TOKEN", "HOME_ASSISTANT_URL"),
    ...given[CA_FILE] !== undefined && !/^https:/i.test(given["HOME_ASSISTANT_URL"] ?? "")
      ? [`${CA_FILE} has no effect without https:// in HOME_ASSISTANT_URL`]
      : [],
  ],
} as const satisfies ServiceSettings;

/** Values of Home Assistant's settings. */
export type HomeAssistantConfig = GroupConfig<typeof HOME_ASSISTANT_SETTINGS>;

/** Address of Home Assistant, and its token. */
export interface HomeAssistantAddress {
  /** Address, for messages: it holds no secret. */
  readonly place: string;
  /** Address of the REST API, without a slash at its end. */
  readonly api: string;
  /** Address of the WebSocket API. */
  readonly webSocket: string;
  /** Access token for both. */
  readonly token: string;
}

/** Returns the address of Home Assistant and its token; undefined where it is not configured. */
export function addressOf(
  { url, token, supervisorToken }: Pick<HomeAssistantConfig, "url" | "token" | "supervisorToken">,
): HomeAssistantAddress | undefined {
  const used = token ?? supervisorToken;
  if (url === undefined || used === undefined) return undefined;
  const place = url.origin + url.pathname.replace(/\/$/, "");
  const base = place.replace(/^http/, "ws");
  // The Supervisor has the WebSocket API at another path than Home Assistant itself.
  return {
    place,
    api: `${place}/api`,
    webSocket: `${base}${token === undefined ? "" : "/api"}/websocket`,
    token: used,
  };
}

/** Error for requests where Home Assistant is not configured. */
export const NOT_CONFIGURED = "Home Assistant is not configured: set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN";

/** Returns the remedy where Home Assistant is not configured. */
export function remedyIfUnset({ config }: Pick<DoctorContext, "config">): string | undefined {
  return addressOf(config.home_assistant) === undefined
    ? "Set HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN, if you have one"
    : undefined;
}
