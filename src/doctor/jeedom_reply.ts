/**
 * Explanations of HTTP answers at Jeedom's address that do not come from its JSON-RPC API, with remedies.
 *
 * @module
 */
import { addressOf, DEFAULT_ENDPOINT } from "../services/jeedom/service.ts";
import { isPage, isPlainHttpRefusal, type Reply } from "../lib/http_probe.ts";
import { failed, type Finding } from "./finding.ts";

/** Text of Jeedom's own page for an address that it has banned. */
const BAN = "The page that you have requested could not be found";

/** Text of the web server's own page for a path that it does not have: no program answered that could ban. */
const NO_PATH = /requested URL .*not found/i;

const WHITE_LIST = "put this machine on Jeedom's white list (Settings, System, Configuration, Security)";
const HTTP_ERROR = "Look into Jeedom's log http.error";
const NO_LOGIN = "Set JEEDOM_URL to Jeedom itself, without a login before it";

/** Explains an answer that does not come from the JSON-RPC API. */
export function explainReply(url: URL, reply: Reply): Finding {
  const place = addressOf(url, "");
  if (reply.status >= 300 && reply.status < 400) return explainRedirect(place, reply);
  return failed(`${place} ${describeReply(reply)}`, remedyOf(url, reply));
}

/** Describes an answer in words that follow the address. */
export function describeReply(reply: Reply): string {
  const { status, text } = reply;
  const meaning = meaningOf(reply);
  if (meaning !== undefined) return `answers HTTP ${status}: ${meaning}`;
  if (status >= 300 && status < 400) return "redirects elsewhere";
  const what = isPage(reply) ? "a page for people" : text === "" ? "no JSON-RPC" : "something else than JSON-RPC";
  return `answers HTTP ${status} and ${what}`;
}

function meaningOf(reply: Reply): string | undefined {
  if (isPlainHttpRefusal(reply)) return "that port speaks HTTPS, and was asked in plain HTTP";
  const { status, text } = reply;
  switch (status) {
    case 200:
      return /^\s*<\?php/.test(text) ? "PHP does not run there" : undefined;
    case 401:
    case 407:
      return "a login is before Jeedom";
    case 403:
      return "the web server forbids that path";
    case 404:
      return text.includes(BAN)
        ? "Jeedom shuts this machine out for 10 minutes, after malformed requests"
        : NO_PATH.test(text)
        ? "no Jeedom is there"
        : "no Jeedom is there, or it shuts this machine out for 10 minutes";
    case 405:
    case 501:
      return "the program there takes no calls";
    case 500:
      return text === "" ? "its database is down, or PHP failed" : "PHP or the web server failed";
    case 502:
    case 504:
      return "a proxy is there that does not reach Jeedom";
    case 503:
      return "Jeedom's web server, or a proxy before it, is not available";
  }
}

function remedyOf(url: URL, reply: Reply): string {
  const { status, text } = reply;
  if (isPlainHttpRefusal(reply)) {
    return "Write https:// instead of http:// into JEEDOM_URL; for a certificate of Jeedom's own, set JEEDOM_CA_FILE";
  }
  switch (status) {
    case 401:
    case 407:
      return "Take the login before Jeedom away for this machine, or set JEEDOM_URL to Jeedom itself";
    case 403:
      return url.pathname === "/"
        ? "Let the web server, or the proxy before it, allow /core/api/jeeApi.php for this machine"
        : fixPath(url);
    case 404:
      if (text.includes(BAN)) return `Wait 10 minutes, or ${WHITE_LIST}`;
      return NO_PATH.test(text) ? fixPath(url) : `${fixPath(url)}; else wait 10 minutes, or ${WHITE_LIST}`;
    case 500:
      return HTTP_ERROR;
    case 502:
    case 503:
    case 504:
      return "See whether Jeedom runs; set JEEDOM_URL to Jeedom itself, without a proxy";
  }
  return status === 200 && text === "" && !isPage(reply)
    ? `${HTTP_ERROR}; fix JEEDOM_URL if it is not Jeedom`
    : NO_LOGIN;
}

/** Returns the remedy for a wrong path; Jeedom is most often at the root of its web server. */
function fixPath(url: URL): string {
  if (url.pathname === "/") return "Fix the port in JEEDOM_URL, or add the path of Jeedom, such as /jeedom";
  return `Fix the path in JEEDOM_URL: most often there is none, as in JEEDOM_URL=${url.origin}`;
}

function explainRedirect(place: string, { headers }: Reply): Finding {
  const target = URL.parse(headers.get("Location") ?? "", place);
  const message = `${place} redirects to ${target?.origin ?? "elsewhere"}`;
  // What redirects to a page, and not to the same path elsewhere, is a login.
  if (target === null || !target.pathname.endsWith(DEFAULT_ENDPOINT)) {
    return failed(message, "Set JEEDOM_URL to its final address, without a login before it");
  }
  const base = target.origin + target.pathname.slice(0, -DEFAULT_ENDPOINT.length);
  return failed(message, `Set JEEDOM_URL to its final address: JEEDOM_URL=${base}`);
}
