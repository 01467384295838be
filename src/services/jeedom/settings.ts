/**
 * Settings of Jeedom.
 *
 * @module
 */
import {
  type GroupConfig,
  path,
  type ServiceSettings,
  setting,
  text,
  webAddress,
  wholeNumber,
} from "../../config/rules.ts";
import type { DoctorContext } from "../../doctor/context.ts";

/** Settings of Jeedom. */
export const JEEDOM_SETTINGS = {
  name: "jeedom",
  title: "Jeedom",
  settings: {
    url: setting("JEEDOM_URL", {
      essential: true,
      rule: webAddress("http://192.168.1.10 or https://jeedom.example"),
      default: "http://localhost:80",
      doc: "Address of Jeedom, without user, password and query; a path in it comes before each endpoint.",
      notes: "Write the final address: redirects are not followed. In a container, localhost is the container: write " +
        "Jeedom's address in your network, such as http://192.168.1.10, or http://host.docker.internal for the machine " +
        "that Docker runs on.",
    }),
    apikey: setting("JEEDOM_APIKEY", {
      essential: true,
      rule: text,
      secret: true,
      doc:
        "Jeedom's API key for requests that bring none. With it, no phone needs an API key, and the key never leaves " +
        "your network.",
      notes:
        "Best is the key of a Jeedom user with few rights. Jeedom also has methods that return API keys: only the key " +
        '"default", and keys that name these methods, may call them.',
    }),
    caFile: setting("JEEDOM_CA_FILE", {
      rule: path,
      doc: "PEM file with the certificate of a Jeedom behind https:// that no public authority signed, or with the " +
        "certificate of its private authority. No other certificate is trusted then.",
      notes:
        'It may be a self-signed certificate of "openssl req -x509", whatever its name. This writes the certificate ' +
        "that Jeedom uses:\n" +
        "  openssl s_client -connect jeedom.local:443 </dev/null | openssl x509 > data/jeedom.pem",
    }),
    timeoutMs: setting("JEEDOM_TIMEOUT_MS", {
      rule: wholeNumber(1, 3_600_000),
      default: 30_000,
      reason: "The slowest ordinary answer of a Raspberry Pi took a few seconds: after 30 s it hangs.",
      doc: "Longest wait for an answer of Jeedom, in milliseconds.",
      notes: "Raise it for scenarios that answer only when they are done.",
    }),
    longPollMaxSeconds: setting("JEEDOM_LONG_POLL_MAX_SECONDS", {
      rule: wholeNumber(1, 3600),
      default: 120,
      reason: "Twice what Jeedom's own page asks for (59 s). Each poll occupies one of few PHP workers for as long.",
      doc:
        "Longest longPolling that a request for event::changes may ask of Jeedom, in seconds; a longer one is cut to " +
        "this. It comes on top of JEEDOM_TIMEOUT_MS.",
      notes: "Each poll occupies one of Jeedom's few PHP workers: lower it if Jeedom gets slow.",
    }),
    maxPolls: setting("JEEDOM_MAX_POLLS", {
      rule: wholeNumber(1, 10_000),
      default: 40,
      reason: "Apache has 150 PHP workers by default; on a Raspberry Pi, 40 that wait take some hundred megabytes.",
      doc:
        "Maximum number of long polls that run in Jeedom at a time. A poll occupies a PHP worker until it ends, also when its " +
        "client has disconnected; calls that Jeedom did not answer in time count as well.",
    }),
    maxPollsPerKey: setting("JEEDOM_MAX_POLLS_PER_KEY", {
      rule: wholeNumber(1, 10_000),
      default: 15,
      reason: "Five phones that share a key, each with its poll and two that it abandoned.",
      doc: "Maximum number of long polls of one key that run in Jeedom at a time.",
    }),
    maxResponseBytes: setting("JEEDOM_MAX_RESPONSE_BYTES", {
      rule: wholeNumber(1, 2 ** 30),
      default: 8 * 2 ** 20,
      reason: "A home with 300 devices answers 1.2 MB; this is room for seven times as many.",
      doc: "Largest answer of Jeedom to read, in bytes.",
      notes: "Raise it for a very large home, lower it on a very small machine.",
    }),
  },
  mismatches: ({ JEEDOM_CA_FILE: caFile, JEEDOM_URL: url }) =>
    caFile !== undefined && !/^https:/i.test(url ?? "")
      ? ["JEEDOM_CA_FILE has no effect without https:// in JEEDOM_URL"]
      : [],
} as const satisfies ServiceSettings;

/** Values of Jeedom's settings. */
export type JeedomConfig = GroupConfig<typeof JEEDOM_SETTINGS>;

/** Returns the remedy where no setting names a Jeedom: its default address is only a guess then. */
export function remedyIfUnset({ config, isSet }: Pick<DoctorContext, "config" | "isSet">): string | undefined {
  const isNamed = isSet("JEEDOM_URL") || isSet("JEEDOM_APIKEY") ||
    (isSet("READY_NEEDS") && config.health.needs.includes("jeedom"));
  return isNamed ? undefined : "Set JEEDOM_URL, or READY_NEEDS=broker if you have none";
}
