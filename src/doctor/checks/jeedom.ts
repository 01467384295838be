/**
 * Whether Jeedom answers, and takes the API key.
 *
 * @module
 */
import { mdnsHint } from "../../mqtt/errors.ts";
import { addressOf } from "../../services/jeedom/service.ts";
import type { Check } from "../check.ts";
import type { FailureReason, FetchFailure } from "../fetch_failure.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { DoctorContext } from "../context.ts";
import { describeReply, explainReply } from "../jeedom_reply.ts";
import { type JeedomState, type KeyAnswer, type MethodSetting, type Refusal, TRIAL } from "../jeedom_state.ts";

const REMEDIES: Partial<Readonly<Record<FailureReason, string>>> = {
  name: "Mend the name in JEEDOM_URL, or write the address of Jeedom there",
  refused: "Start Jeedom's web server, or mend the port in JEEDOM_URL",
  certificate:
    "Set JEEDOM_CA_FILE to Jeedom's certificate, or to its authority's; use the name that the certificate is for",
  tls: "Write http:// instead of https:// into JEEDOM_URL, if Jeedom has no certificate",
  http: "Mend the port in JEEDOM_URL: another program is there; or write https://, if that port has TLS",
  broken: "See whether Jeedom runs at JEEDOM_URL, and whether that port wants https://",
};

const UNREACHABLE = "See whether Jeedom runs, and whether JEEDOM_URL is its address";

/** Jeedom's page with the settings of its API. */
const API_PAGE = "Settings, System, Configuration, API";

/** Labels of settings on that page. */
const LABELS: Readonly<Record<MethodSetting, string>> = {
  "api::forbidden::method": "Disallow api methods (regexp)",
  "api::allow::method": "Only allow api methods (regexp)",
};

/** Remedy where no setting says whether there is a Jeedom. */
export const SET_JEEDOM = "Set JEEDOM_URL, or READY_NEEDS=broker if you have none";

/** Tells whether a setting names a Jeedom: otherwise its default address is only a guess. */
export function isJeedomSet({ config, isSet }: Pick<DoctorContext, "config" | "isSet">): boolean {
  return isSet("JEEDOM_URL") || isSet("JEEDOM_APIKEY") ||
    (isSet("READY_NEEDS") && config.health.needs.includes("jeedom"));
}

/** Jeedom. */
export const JEEDOM: Check = {
  name: "jeedom",
  async run(house, signal) {
    const { config: { jeedom: { url }, health: { needs } } } = house;
    const place = addressOf(url, "");
    const state = await house.jeedom(signal);
    if (!isJeedomSet(house) && (state.kind === "failure" || state.kind === "strange")) {
      if (!needs.includes("jeedom")) return skipped("Not used: READY_NEEDS does not name it");
      return skipped(`Not set, and no Jeedom is at ${place}, which ${wordsOf(state)}`, SET_JEEDOM);
    }
    switch (state.kind) {
      case "failure":
        if (!needs.includes("jeedom")) return skipped("Does not answer, and READY_NEEDS does not name it");
        return failed(
          `${place} ${state.words}${state.reason === "name" ? mdnsHint(url.hostname) : ""}`,
          REMEDIES[state.reason] ?? UNREACHABLE,
        );
      case "strange":
        return explainReply(url, state.reply);
      case "refusing":
        return explainRefusal(place, state.refusal);
      case "jeedom":
        return reportKey(`${place} answers`, state.key);
    }
  },
};

function wordsOf(state: FetchFailure | JeedomState & { readonly kind: "strange" }): string {
  return state.kind === "failure" ? state.words : describeReply(state.reply);
}

function explainRefusal(place: string, refusal: Refusal): Finding {
  const { code } = refusal;
  switch (refusal.kind) {
    case "access":
      return failed(
        `${place} refuses all calls (error ${code}): its API is off, or closed to this machine (api::core::mode)`,
        `Allow JSON-RPC in Jeedom: ${API_PAGE}: set "API access" to Enabled, or put this machine on the white list`,
      );
    case "method":
      return failed(`${place} refuses ping (error ${code}), by its setting ${refusal.setting}`, letIn(refusal, "ping"));
    case "other":
      return failed(
        `${place} refuses ping (error ${code})`,
        "Look into Jeedom's logs api and http.error; check that JEEDOM_URL is Jeedom, and not another JSON-RPC server",
      );
  }
}

/** Returns the remedy for a setting that refuses a method. */
function letIn({ setting }: { readonly setting: MethodSetting }, method: string): string {
  const rule = setting === "api::allow::method" ? "match" : "not match";
  return `Let "${LABELS[setting]}" in Jeedom (${API_PAGE}) ${rule} ${method}, or empty it`;
}

function reportKey(answers: string, key: KeyAnswer): Finding {
  switch (key.kind) {
    case "accepted":
      return ok(`${answers}, and takes JEEDOM_APIKEY`);
    case "none":
      return ok(`${answers}; JEEDOM_APIKEY is not set, so each request has to bring a key`);
    case "refused":
      return failed(
        `${answers}, and refuses JEEDOM_APIKEY (error ${key.code})`,
        `Copy the key anew from Jeedom: ${API_PAGE}; a user's key needs "API access" at that user`,
      );
    case "restricted":
      return failed(
        `${answers}, and takes JEEDOM_APIKEY for plugins alone (error ${key.code}), by its setting api::core::restricted`,
        "Set JEEDOM_APIKEY to a user's key (Settings, System, Users), or take api::core::restricted away in Jeedom",
      );
    case "untried":
      return warning(
        `${answers}, but JEEDOM_APIKEY could not be tried: it refuses ${TRIAL} (error ${key.code}), by its setting ` +
          key.setting,
        letIn(key, TRIAL),
      );
    case "unknown":
      return warning(
        `${answers}, but ${key.words} when it is given JEEDOM_APIKEY`,
        "Look into Jeedom's log http.error",
      );
  }
}
