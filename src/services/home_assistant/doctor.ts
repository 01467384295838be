/**
 * Checks of Home Assistant for the doctor: it answers, accepts the token, and its clock agrees with this machine's.
 *
 * @module
 */
import { openTrustedFetch } from "../../config/setting_files.ts";
import { type Check, failed, type Finding, ok, oncePerRound, skipped, warning } from "../../doctor/check.ts";
import type { DoctorContext } from "../../doctor/context.ts";
import { describeFetchError, type FailureReason, type FetchFailure } from "../../lib/fetch_failure.ts";
import { ask, type HttpReply, isPlainHttpRefusal } from "../../lib/http_probe.ts";
import { isObject, tryParseJson } from "../../lib/json.ts";
import { hostOf, mdnsHint } from "../../net/host.ts";
import { headersOf } from "./api.ts";
import { addressOf, CA_FILE, type HomeAssistantAddress, remedyIfUnset } from "./settings.ts";

const REMEDIES: Partial<Readonly<Record<FailureReason, string>>> = {
  name: "Fix the name in HOME_ASSISTANT_URL, or use Home Assistant's IP address there",
  refused: "Start Home Assistant, or fix the port in HOME_ASSISTANT_URL: it is 8123 by default",
  certificate: `Set ${CA_FILE} to Home Assistant's certificate, or to its authority's; use the name that it is for`,
  tls: "Use http:// instead of https:// in HOME_ASSISTANT_URL, if Home Assistant has no certificate",
  http: "Fix the port in HOME_ASSISTANT_URL: another program uses it; or use https://, if that port has TLS",
};

const UNREACHABLE = "Check that Home Assistant runs, and that HOME_ASSISTANT_URL is its address";

const NO_CERTIFICATE: FetchFailure = {
  kind: "failure",
  reason: "certificate",
  message: `is not asked: ${CA_FILE} cannot be read, or holds no certificate`,
};

/** Difference above which clocks are not synchronized, in seconds. */
const WARNING_SECONDS = 5;

/** Asks for the configuration of Home Assistant once in a round, so that a wrong token fails only once. */
const askConfig = oncePerRound(async (context, signal): Promise<HttpReply | FetchFailure | undefined> => {
  const { config: { home_assistant: settings }, machine, now } = context;
  const address = addressOf(settings);
  if (address === undefined) return undefined;
  const fetch = await openTrustedFetch(CA_FILE, settings.caFile, machine).catch(() => undefined);
  if (signal.aborted) return describeFetchError(undefined, signal);
  if (fetch === undefined) return NO_CERTIFICATE;
  return await ask(`${address.api}/config`, { fetch, now, signal, headers: headersOf(address) });
});

/** Check of Home Assistant. */
export const HOME_ASSISTANT_CHECK: Check = {
  name: "home_assistant",
  async run(context, signal) {
    const { config: { home_assistant: { url, token } } } = context;
    const address = addressOf(context.config.home_assistant);
    const reply = await askConfig(context, signal);
    if (url === undefined || address === undefined || reply === undefined) {
      return skipped("Not set", remedyIfUnset(context));
    }
    if (reply.kind === "failure") {
      const hint = reply.reason === "name" ? mdnsHint(hostOf(url)) : "";
      return failed(`${address.place} ${reply.message}${hint}`, REMEDIES[reply.reason] ?? UNREACHABLE);
    }
    return reportReply(reply, address, token === undefined ? "SUPERVISOR_TOKEN" : "HOME_ASSISTANT_TOKEN");
  },
};

function reportReply(reply: HttpReply, { place }: HomeAssistantAddress, tokenName: string): Finding {
  const { status, text } = reply;
  const answer = tryParseJson(text);
  if (status === 200 && isObject(answer) && typeof answer["version"] === "string") {
    const version = /^[\w.-]{1,32}$/.test(answer["version"]) ? answer["version"] : "of an unknown number";
    const message = `${place} answers, and accepts ${tokenName}: version ${version}`;
    return answer["recovery_mode"] === true || answer["safe_mode"] === true
      ? warning(
        `${message}, in recovery or safe mode`,
        "See Home Assistant's log, fix its configuration and restart it",
      )
      : ok(message);
  }
  const said = `${place} answers HTTP ${status}`;
  if (isPlainHttpRefusal(reply)) {
    return failed(`${said}: that port speaks HTTPS`, "Use https:// instead of http:// in HOME_ASSISTANT_URL");
  }
  if (status >= 300 && status < 400) {
    return failed(`${said}: it redirects to another address`, "Set HOME_ASSISTANT_URL to the final address");
  }
  switch (status) {
    case 401:
      return tokenName === "SUPERVISOR_TOKEN"
        ? failed(`${said}: it refuses ${tokenName}`, "Set homeassistant_api: true in the add-on's configuration")
        : failed(
          `${said}: it refuses ${tokenName}`,
          "Create a token in Home Assistant (your profile, Security, Long-lived access tokens), and set it",
        );
    case 403:
      return failed(
        `${said}: it bans this machine, or the token may not use its API`,
        "Remove this machine's address from ip_bans.yaml, and restart Home Assistant",
      );
    case 404:
      return failed(`${said}: no Home Assistant is there`, "Fix the path in HOME_ASSISTANT_URL: most have none");
    case 502:
    case 503:
    case 504:
      return failed(
        `${said}: a proxy is there, and Home Assistant does not run`,
        "Start Home Assistant, and see its log",
      );
    default:
      return failed(`${said}, and not as Home Assistant does`, UNREACHABLE);
  }
}

/** Check of this machine's clock against Home Assistant's. */
export const HOME_ASSISTANT_CLOCK_CHECK: Check = {
  name: "home_assistant_clock",
  async run(context: DoctorContext, signal) {
    const reply = await askConfig(context, signal);
    if (reply === undefined) return skipped("Home Assistant is not set");
    const date = reply.kind === "failure" ? NaN : Date.parse(reply.headers.get("Date") ?? "");
    if (reply.kind === "failure" || Number.isNaN(date)) {
      return skipped("Needs a response of Home Assistant, whose clock it is compared with");
    }
    // The header has whole seconds only; the request took part of the difference.
    const difference = date / 1000 + 0.5 - (reply.began + reply.ended) / 2000;
    const uncertainty = 0.5 + (reply.ended - reply.began) / 2000;
    const size = Math.abs(difference).toFixed(1);
    const direction = difference > 0 ? "behind" : "ahead of";
    const message = `This machine's clock is ${size} s ${direction} Home Assistant's (± ${uncertainty.toFixed(1)} s)`;
    if (Math.abs(difference) - uncertainty <= WARNING_SECONDS) return ok(message);
    return warning(
      message,
      "Check on both machines which of the two is wrong: timedatectl. Then: sudo timedatectl set-ntp true",
    );
  },
};
