/**
 * Settings of HTTP requests.
 *
 * @module
 */
import { type GroupConfig, list, type ServiceSettings, setting, wholeNumber } from "../../config/rules.ts";
import { parseUrlPattern, type UrlPattern } from "./url_pattern.ts";

/** Settings of HTTP requests. */
export const HTTP_SETTINGS = {
  name: "http",
  title: "HTTP",
  settings: {
    allowed: setting("HTTP_ALLOWED", {
      rule: list<UrlPattern>(parseUrlPattern),
      default: "",
      doc:
        "URLs that requests may name besides the targets of the services file, separated by commas or spaces. A key " +
        "needs the right to the URL as well. Link-local addresses, those of cloud metadata and multicast are always " +
        "refused; loopback addresses unless an entry names them, and the gateway's own ports unless it names the port.",
      notes: "  http://192.168.1.20:5000/api   https://*.example   http://10.0.0.0/8:*   nas.lan   *\n" +
        "A path allows what is below it. Without a port, an entry allows the default port of its scheme, and any port " +
        "if it has no scheme. A network allows addresses, and no name that leads to one. With a name, a network of " +
        "IPv6 or *, Deno's sandbox allows the whole network, as the addresses are known only once a name is resolved. " +
        "Targets need no entry here, and keep logins in the gateway.",
    }),
    timeoutMs: setting("HTTP_TIMEOUT_MS", {
      rule: wholeNumber(1, 3_600_000),
      default: 30_000,
      reason: "As long as a person waits for a picture; a target can have its own.",
      doc: "Longest wait for a whole answer, in milliseconds, unless the target has its own.",
    }),
    maxResponseBytes: setting("HTTP_MAX_RESPONSE_BYTES", {
      rule: wholeNumber(1, 2 ** 30),
      default: 6 * 2 ** 20,
      reason: "A camera's picture has 2 MB; in base64, 6 MiB are as large as the largest answer of Jeedom.",
      doc: "Largest answer to read, in bytes, after decompression. A target can have a lower limit.",
    }),
  },
} as const satisfies ServiceSettings;

/** Values of the settings of HTTP requests. */
export type HttpConfig = GroupConfig<typeof HTTP_SETTINGS>;
