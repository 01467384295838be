/**
 * Check of Jeedom for the doctor: its JSON-RPC API answers and accepts the API key.
 *
 * @module
 */
import { type Check, failed, type Finding, ok, skipped, warning } from "../../doctor/check.ts";
import type { FailureReason, FetchFailure } from "../../lib/fetch_failure.ts";
import { type HttpReply, isPage, isPlainHttpRefusal } from "../../lib/http_probe.ts";
import { mdnsHint } from "../../net/host.ts";
import {
  type ApiKeyState,
  type JeedomRefusal,
  type JeedomState,
  jeedomState,
  KEY_TEST_METHOD,
  type MethodSetting,
} from "./probe.ts";
import { addressOf, DEFAULT_ENDPOINT } from "./service.ts";
import { remedyIfUnset } from "./settings.ts";

const REMEDIES: Partial<Readonly<Record<FailureReason, string>>> = {
  name: "Fix the name in JEEDOM_URL, or use Jeedom's address there",
  refused: "Start Jeedom's web server, or fix the port in JEEDOM_URL",
  certificate:
    "Set JEEDOM_CA_FILE to Jeedom's certificate, or to its authority's; use the name that the certificate is for",
  tls: "Use http:// instead of https:// in JEEDOM_URL, if Jeedom has no certificate",
  http: "Fix the port in JEEDOM_URL: another program uses it; or use https://, if that port has TLS",
  broken: "Check that Jeedom runs at JEEDOM_URL, and whether that port needs https://",
};

const UNREACHABLE = "Check that Jeedom runs, and that JEEDOM_URL is its address";

/** Jeedom's page with the settings of its API. */
const API_PAGE = "Settings, System, Configuration, API";

/** Labels of settings on that page. */
const LABELS: Readonly<Record<MethodSetting, string>> = {
  "api::forbidden::method": "Disallow api methods (regexp)",
  "api::allow::method": "Only allow api methods (regexp)",
};

/** Check of Jeedom. */
export const JEEDOM_CHECK: Check = {
  name: "jeedom",
  async run(context, signal) {
    const { config: { jeedom: { url }, health: { needs } } } = context;
    const address = addressOf(url, "");
    const state = await jeedomState(context, signal);
    const remedy = remedyIfUnset(context);
    if (remedy !== undefined && (state.kind === "failure" || state.kind === "not_json_rpc")) {
      if (!needs.includes("jeedom")) return skipped("Not used: READY_NEEDS does not name it");
      return skipped(`Not set, and no Jeedom is at ${address}, which ${describeState(state)}`, remedy);
    }
    switch (state.kind) {
      case "failure":
        if (!needs.includes("jeedom")) return skipped("Does not answer, and READY_NEEDS does not name it");
        return failed(
          `${address} ${state.message}${state.reason === "name" ? mdnsHint(url.hostname) : ""}`,
          REMEDIES[state.reason] ?? UNREACHABLE,
        );
      case "not_json_rpc":
        return reportReply(url, state.reply);
      case "refused":
        return reportRefusal(address, state.refusal);
      case "available":
        return reportKey(`${address} answers`, state.key);
    }
  },
};

function describeState(state: FetchFailure | JeedomState & { readonly kind: "not_json_rpc" }): string {
  return state.kind === "failure" ? state.message : describeReply(state.reply);
}

function reportRefusal(address: string, refusal: JeedomRefusal): Finding {
  const { code } = refusal;
  switch (refusal.kind) {
    case "access":
      return failed(
        `${address} refuses all calls (error ${code}): its API is disabled, or not allowed for this machine ` +
          "(api::core::mode)",
        `Allow JSON-RPC in Jeedom: ${API_PAGE}: set "API access" to Enabled, or put this machine on the white list`,
      );
    case "method":
      return failed(
        `${address} refuses ping (error ${code}), by its setting ${refusal.setting}`,
        allowMethod(refusal, "ping"),
      );
    case "other":
      return failed(
        `${address} refuses ping (error ${code})`,
        "See Jeedom's logs api and http.error; check that JEEDOM_URL is Jeedom, and not another JSON-RPC server",
      );
  }
}

/** Returns the remedy for a setting that refuses a method. */
function allowMethod({ setting }: { readonly setting: MethodSetting }, method: string): string {
  const rule = setting === "api::allow::method" ? "match" : "not match";
  return `Make "${LABELS[setting]}" in Jeedom (${API_PAGE}) ${rule} ${method}, or empty it`;
}

function reportKey(answers: string, key: ApiKeyState): Finding {
  switch (key.kind) {
    case "accepted":
      return ok(`${answers}, and accepts JEEDOM_APIKEY`);
    case "none":
      return ok(`${answers}; JEEDOM_APIKEY is not set, so each request must include a key`);
    case "refused":
      return failed(
        `${answers}, and refuses JEEDOM_APIKEY (error ${key.code})`,
        `Copy the key again from Jeedom: ${API_PAGE}; a user's key needs "API access" of that user`,
      );
    case "restricted":
      return failed(
        `${answers}, and accepts JEEDOM_APIKEY only for plugins (error ${key.code}), by its setting ` +
          "api::core::restricted",
        "Set JEEDOM_APIKEY to a user's key (Settings, System, Users), or disable api::core::restricted in Jeedom",
      );
    case "untested":
      return warning(
        `${answers}, but JEEDOM_APIKEY could not be tested: it refuses ${KEY_TEST_METHOD} (error ${key.code}), by its ` +
          `setting ${key.setting}`,
        allowMethod(key, KEY_TEST_METHOD),
      );
    case "unknown":
      return warning(`${answers}, but ${key.message} when it is sent JEEDOM_APIKEY`, "See Jeedom's log http.error");
  }
}

/** Text of Jeedom's own page for a banned address. */
const BAN = "The page that you have requested could not be found";

/** Text of the web server's own page for a path that does not exist: no program answered that could ban. */
const NO_PATH = /requested URL .*not found/i;

const WHITE_LIST = "put this machine on Jeedom's white list (Settings, System, Configuration, Security)";
const HTTP_ERROR = "See Jeedom's log http.error";
const NO_LOGIN = "Set JEEDOM_URL to Jeedom itself, without a login before it";

/** Reports an HTTP response that is not from the JSON-RPC API. */
function reportReply(url: URL, reply: HttpReply): Finding {
  const address = addressOf(url, "");
  if (reply.status >= 300 && reply.status < 400) return reportRedirect(address, reply);
  return failed(`${address} ${describeReply(reply)}`, remedyOf(url, reply));
}

/** Describes a response in a text that follows the address. */
function describeReply(reply: HttpReply): string {
  const { status, text } = reply;
  const meaning = meaningOf(reply);
  if (meaning !== undefined) return `answers HTTP ${status}: ${meaning}`;
  if (status >= 300 && status < 400) return "redirects to another address";
  const content = isPage(reply) ? "a web page" : text === "" ? "no JSON-RPC" : "something else than JSON-RPC";
  return `answers HTTP ${status} and ${content}`;
}

function meaningOf(reply: HttpReply): string | undefined {
  if (isPlainHttpRefusal(reply)) return "that port speaks HTTPS, and the request was plain HTTP";
  const { status, text } = reply;
  switch (status) {
    case 200:
      return /^\s*<\?php/.test(text) ? "PHP does not run there" : undefined;
    case 401:
    case 407:
      return "Jeedom is behind a login";
    case 403:
      return "the web server forbids that path";
    case 404:
      return text.includes(BAN)
        ? "Jeedom bans this machine for 10 minutes, after malformed requests"
        : NO_PATH.test(text)
        ? "no Jeedom is there"
        : "no Jeedom is there, or it bans this machine for 10 minutes";
    case 405:
    case 501:
      return "the program there does not accept calls";
    case 500:
      return text === "" ? "its database is down, or PHP failed" : "PHP or the web server failed";
    case 502:
    case 504:
      return "a proxy is there that does not reach Jeedom";
    case 503:
      return "Jeedom's web server, or a proxy before it, is not available";
  }
}

function remedyOf(url: URL, reply: HttpReply): string {
  const { status, text } = reply;
  if (isPlainHttpRefusal(reply)) {
    return "Use https:// instead of http:// in JEEDOM_URL; for a certificate of Jeedom's own, set JEEDOM_CA_FILE";
  }
  switch (status) {
    case 401:
    case 407:
      return "Remove the login before Jeedom for this machine, or set JEEDOM_URL to Jeedom itself";
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
      return "Check that Jeedom runs; set JEEDOM_URL to Jeedom itself, without a proxy";
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

function reportRedirect(address: string, { headers }: HttpReply): Finding {
  const target = URL.parse(headers.get("Location") ?? "", address);
  const message = `${address} redirects to ${target?.origin ?? "an invalid address"}`;
  // A redirect to another path is a login page.
  if (target === null || !target.pathname.endsWith(DEFAULT_ENDPOINT)) {
    return failed(message, "Set JEEDOM_URL to its final address, without a login before it");
  }
  const base = target.origin + target.pathname.slice(0, -DEFAULT_ENDPOINT.length);
  return failed(message, `Set JEEDOM_URL to its final address: JEEDOM_URL=${base}`);
}
